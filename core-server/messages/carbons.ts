import { escapeAttribute } from '../../shared/xml/escape.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../feature.js';
import type { IqRequest } from '../iq/iq-registry.js';
import { refuseStranger } from '../iq/strangers.js';
import { verdictOf } from '../privacy/verdict.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { CopiedIds } from './copied-ids.js';
import { noteCopies } from './holders.js';
import { messageType } from './message-delivery.js';

/** Message carbons (XEP-0280): each device sees what the others of its account send and receive. */
export const carbons = defineFeature({
  name: 'message carbons',
  xeps: [
    { id: '0280', version: '1.0.1', status: 'complete' },
    { id: '0334', version: '0.4.1', status: 'partial', note: 'no-copy, no-store, no-permanent-store, store' },
  ],
  setup(core) {
    const copied = new WeakMap<AccountState, CopiedIds>();
    core.disco.feature('server', NS.carbons, NS.carbonsRules);

    const toggle = (on: boolean) => (request: IqRequest) => {
      const session = request.origin.session;
      refuseStranger(request);
      if (session === null || request.from.bare !== (request.account?.bare ?? request.from.bare)) {
        throw new StanzaError('not-allowed');
      }
      session.carbons = on;
      return undefined;
    };
    for (const scope of ['account', 'server'] as const) {
      core.iq.on(scope, 'set', NS.carbons, 'enable', toggle(true));
      core.iq.on(scope, 'set', NS.carbons, 'disable', toggle(false));
    }

    core.hooks.messageSent.add(100, (session, message) => {
      const { account } = session;
      // what one sends to oneself arrives on the other devices as received
      if (account.sessions.length < 2 || message.toJid?.bare === account.bare) return undefined;
      if (eligible(message, 'sent')) copy(account, message, 'sent', [session], message.toJid);
      return undefined;
    });

    core.hooks.accountOutbound.add(100, (account, message) => {
      // a privileged entity speaks for the account (XEP-0356): all its devices are "others"
      if (eligible(message, 'sent')) copy(account, message, 'sent', [], message.toJid);
      return undefined;
    });

    core.hooks.messageDelivered.add(100, (account, message, to) => {
      if (account.sessions.length < 2 || to.length === 0) return undefined;
      const answersCopied =
        message.type === 'error' && message.id !== undefined && copied.get(account)?.has(message.id) === true;
      if (!answersCopied && !eligible(message, 'received')) return undefined;
      // §8: not to the sending resource, where one writes to one's own account
      const sender =
        message.fromJid?.bare === account.bare ? account.session(message.fromJid.resource) : undefined;
      const except = sender === undefined ? to : [...to, sender];
      const copies = copy(account, message, 'received', except, message.fromJid);
      if (copies.length > 0) noteCopies(message, to, copies);
      return undefined;
    });

    function copy(
      account: AccountState,
      message: Stanza,
      direction: 'sent' | 'received',
      except: readonly Session[],
      peer: Jid | null | undefined,
    ): readonly Session[] {
      let wrapped: Stanza | null = null;
      const given: Session[] = [];
      for (const session of account.sessions) {
        if (!session.carbons || except.includes(session)) continue;
        const kind = direction === 'sent' ? 'out' : 'in';
        if (verdictOf(account, session, kind, 'message', peer) !== 'allow') continue;
        wrapped ??= wrap(account, message, direction);
        session.deliver(wrapped.readdress({ to: session.jid.full }));
        given.push(session);
      }
      if (wrapped !== null && message.id !== undefined) {
        const ids = copied.get(account) ?? new CopiedIds();
        ids.add(message.id);
        copied.set(account, ids);
      }
      return given;
    }
  },
});

/** §6.1. */
function eligible(message: Stanza, direction: 'sent' | 'received'): boolean {
  if (message.hasChild('private', NS.carbons) || message.hasChild('no-copy', NS.hints)) return false;
  const type = messageType(message);
  if (type === 'groupchat' || type === 'error' || type === 'headline') return false;
  // a copy of a copy would go round in circles
  if (message.hasChild('sent', NS.carbons) || message.hasChild('received', NS.carbons)) return false;
  if (message.hasChild('x', NS.mucUser)) {
    const invitation =
      message.hasChild('x', NS.directInvitation) ||
      /<(?:[^\s>/]*:)?(?:invite|decline)[\s/>]/.test(message.source);
    if (invitation) return true;
    // a private message of a room is replicated by the room
    return direction === 'sent';
  }
  if (type === 'chat') return true;
  return message
    .children()
    .some(
      ({ name, namespace }) =>
        name === 'body' ||
        namespace === NS.receipts ||
        namespace === NS.chatStates ||
        namespace === NS.chatMarkers ||
        (namespace === NS.directInvitation && name === 'x'),
    );
}

/** §7, §8: from the account's bare JID, of the original's type. */
function wrap(account: AccountState, message: Stanza, direction: 'sent' | 'received'): Stanza {
  const inner = `<message xmlns='${NS.client}'${message.text.slice('<message'.length)}`;
  const { type } = message;
  return Stanza.parse(
    `<message from='${escapeAttribute(account.bare)}'${type === undefined ? '' : ` type='${escapeAttribute(type)}'`}>` +
      `<${direction} xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>${inner}</forwarded></${direction}></message>`,
  );
}
