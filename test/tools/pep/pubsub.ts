import type { Stanza } from '../../../shared/xml/stanza.js';
import type { RawClient } from '../raw-client.js';

export const PUBSUB = 'http://jabber.org/protocol/pubsub';

/** `<pubsub/>` with some content. */
export function pubsub(content: string): string {
  return `<pubsub xmlns='${PUBSUB}'>${content}</pubsub>`;
}
export function ownerPubsub(content: string): string {
  return `<pubsub xmlns='${PUBSUB}#owner'>${content}</pubsub>`;
}

/** A submitted form; fields without their prefix `pubsub#`. */
export function submission(
  formType: string,
  fields: Readonly<Record<string, string | readonly string[]>>,
): string {
  const content = Object.entries(fields).map(([name, value]) => {
    const values = (typeof value === 'string' ? [value] : value).map((text) => `<value>${text}</value>`);
    return `<field var='pubsub#${name}'>${values.join('')}</field>`;
  });
  return (
    `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#${formType}</value></field>` +
    `${content.join('')}</x>`
  );
}

/** A publish request; `options` are publish-options without their prefix. */
export function publishRequest(
  node: string,
  item: string,
  options?: Readonly<Record<string, string | readonly string[]>>,
): string {
  const form =
    options === undefined
      ? ''
      : `<publish-options>${submission('publish-options', options)}</publish-options>`;
  return pubsub(`<publish node='${node}'>${item}</publish>${form}`);
}

/** An event notification as it should be; `more` follows the event. */
export function notification(
  options: { from: string; to: string; type?: string; more?: string },
  event: string,
): string {
  const { from, to, type = 'headline', more = '' } = options;
  return `<message from='${from}' to='${to}' id='*' type='${type}'><event xmlns='${PUBSUB}#event'>${event}</event>${more}</message>`;
}

/** The note which of the owner's resources has published. */
export function replyTo(jid: string): string {
  return `<addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' jid='${jid}'/></addresses>`;
}

/** The note when an item was published that is sent later. */
export const DELAYED = "<delay xmlns='urn:xmpp:delay' stamp='*'/>";

/** The next message to a client, whatever else waits. Prosody tells every client its (no) privileges: not that. */
export function nextMessage(client: RawClient): Promise<Stanza> {
  return client.stanza(
    (stanza) => stanza.name === 'message' && stanza.payload?.namespace !== 'urn:xmpp:privilege:2',
  );
}

/** An error answer's content: its type, condition and application-specific condition, as canonical text. */
export function errorOf(answer: Stanza): string {
  const error = answer.element.getChild('error');
  if (error === undefined) return `no error: ${answer.text}`;
  const conditions = error
    .getChildElements()
    .filter((child) => child.getName() !== 'text')
    .map((child) =>
      [child.getName(), ...(child.attrs['feature'] === undefined ? [] : [child.attrs['feature']])].join(' '),
    );
  return [error.attrs['type'], ...conditions].join(', ');
}

/** The texts of the messages that have come to a client and not been taken yet. */
export function messagesOf(client: RawClient): string[] {
  return client.received.flatMap((one) =>
    one.kind === 'element' && one.stanza.name === 'message' ? [one.stanza.text] : [],
  );
}
