/** `@xmpp/xml` comes without types; `element.ts` gives it ours. */
declare module '@xmpp/xml';
