import { timeAnswer, versionAnswer } from '../entity/answers.js';
import type { Counter, Logger } from '../observability/types.js';
import { type Element, xml } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import type { Jid } from '../xmpp/jid.js';
import { NS } from '../xmpp/namespaces.js';
import { errorReply, StanzaError } from '../xmpp/stanza-error.js';
import { type IqHandler, NOT_MINE } from './component.js';
import { delegationGeneration, unwrapDelegated, wrapAnswer } from './delegation.js';
import type { Disco } from './disco.js';
import { CheckedRequest, IqHandlers, type Outcome, runHandler } from './iq-handlers.js';
import type { OwnerQueue } from './owner-queue.js';

/** What the dispatch of incoming stanzas needs of the runtime. */
interface InboundLink {
  readonly jid: Jid;
  readonly log: Logger;
  readonly disco: Disco;
  readonly owners: OwnerQueue;
  readonly software: { readonly name: string; readonly version: string };
  /** How many requests may be at work at once; more are answered `resource-constraint`. */
  readonly pendingLimit: number;
  readonly refused: Counter;
  isServer(domain: string): boolean;
  /** Whether the stream is about to end: delegated requests that come now are left unanswered, and undone. */
  stopping(): boolean;
  /** Changes with every stream: an answer is sent on the stream that its request came on, or not at all. */
  epoch(): number;
  answer(stanza: Stanza | Element, epoch: number): void;
  /** Takes an IQ result or error if it answers a request of ours. */
  takeAnswer(iq: Stanza): boolean;
  /** Takes the server's advertisements. */
  takeAdvertisement(message: Stanza): boolean;
}

type StanzaHandler = (stanza: Stanza) => void | Promise<void>;

/** Takes every stanza of the stream to whom it concerns, and sees that each request is answered once. */
export class Inbound {
  readonly iqs = new IqHandlers();
  readonly otherIqs: ((iq: Stanza) => void)[] = [];
  readonly messages: StanzaHandler[] = [];
  readonly presences: StanzaHandler[] = [];
  /** By the namespace of the payload. */
  readonly serverMessages = new Map<string, (message: Stanza) => void>();
  private readonly link: InboundLink;
  private working = 0;

  constructor(link: InboundLink) {
    this.link = link;
  }

  /** Requests that handlers are at work on or that wait for their turn. */
  get pending(): number {
    return this.working;
  }

  receive(stanza: Stanza): void {
    if (stanza.namespace !== NS.component) return;
    if (stanza.name !== 'presence' && stanza.toJid && stanza.toJid.domain !== this.link.jid.domain) {
      // It is not for us, and nobody may answer in the name of another domain.
      this.link.log.debug(
        { code: 'component.stanza-misdirected', to: stanza.to },
        'a stanza for another domain',
      );
      return;
    }
    if (this.serverMessages.size > 0 && this.receiveFromServer(stanza)) return;
    if (!stanza.fromJid || !stanza.toJid) {
      // XEP-0114 §3: every stanza has both addresses. Without a sender there is nobody to answer.
      this.link.log.debug(
        { code: 'component.stanza-refused', name: stanza.name, from: stanza.from, to: stanza.to },
        'a stanza with a malformed address',
      );
      if (stanza.from !== undefined) this.refuse(stanza, new StanzaError('jid-malformed'));
      return;
    }
    if (stanza.name === 'iq') this.receiveIq(stanza, stanza.fromJid, stanza.toJid);
    else if (stanza.name === 'message') this.receiveMessage(stanza);
    else if (stanza.name === 'presence') this.receiveOther(stanza, this.presences);
  }

  /** False: it is not one of the server's own messages that somebody wants. */
  private receiveFromServer(message: Stanza): boolean {
    const { from, payload } = message;
    if (payload === null || message.name !== 'message' || message.type === 'error') return false;
    if (from === undefined || !this.link.isServer(from)) return false;
    const handler = this.serverMessages.get(payload.namespace);
    handler?.(message);
    return handler !== undefined;
  }

  private receiveMessage(message: Stanza): void {
    if (this.link.takeAdvertisement(message)) return;
    if (this.messages.length === 0) this.refuse(message, new StanzaError('service-unavailable'));
    else this.receiveOther(message, this.messages);
  }

  private receiveOther(stanza: Stanza, handlers: readonly StanzaHandler[]): void {
    for (const handler of handlers) {
      const taken = this.link.owners.run(ownerOf(stanza), () => handler(stanza));
      if (!taken) this.refuse(stanza, new StanzaError('resource-constraint'));
    }
  }

  private receiveIq(iq: Stanza, from: Jid, to: Jid): void {
    const { type, id } = iq;
    if (type === 'result' || type === 'error') {
      if (!this.link.takeAnswer(iq)) for (const handler of this.otherIqs) handler(iq);
      return;
    }
    // RFC 6120 §8.2.3
    if ((type !== 'get' && type !== 'set') || id === undefined || iq.children().length !== 1) {
      this.refuse(iq, new StanzaError('bad-request'));
      return;
    }
    if (isDelegation(iq) && to.local === '' && to.resource === '') {
      this.receiveDelegated(iq, from);
      return;
    }
    const request = new CheckedRequest(iq, { type, id, from, to, delegated: null });
    const handler = this.ownHandler(iq, to);
    if (handler === undefined) {
      this.passOn(iq);
      return;
    }
    this.work(ownerOf(iq), handler, request, (outcome, epoch) => {
      if ('notMine' in outcome) this.passOn(iq);
      else if ('error' in outcome) this.refuse(iq, outcome.error, epoch);
      else this.link.answer(resultOf(iq, outcome.result), epoch);
    });
  }

  /** A request that the server forwards for one of its accounts or for itself (XEP-0355 §4.3). */
  private receiveDelegated(outer: Stanza, server: Jid): void {
    if (this.link.stopping()) return;
    if (!this.link.isServer(server.domain) || server.local !== '' || server.resource !== '') {
      this.link.log.warn(
        { code: 'component.delegation-refused', from: server.full },
        'somebody who is not our server claims to delegate a request',
      );
      this.refuse(outer, new StanzaError('forbidden'));
      return;
    }
    let inner: Stanza;
    let request: CheckedRequest;
    try {
      inner = unwrapDelegated(outer);
      request = checkInner(inner, server);
    } catch (error) {
      this.link.log.warn(
        { code: 'component.delegation-malformed', error },
        'a delegated request is malformed',
      );
      this.refuse(outer, error instanceof StanzaError ? error : new StanzaError('bad-request'));
      return;
    }
    const answer = (outcome: Outcome, epoch: number): void => {
      const checked = 'notMine' in outcome ? { error: new StanzaError('service-unavailable') } : outcome;
      this.link.answer(wrapAnswer(outer, inner, checked), epoch);
    };
    const handler = this.iqs.find(inner);
    if (handler === undefined) answer({ notMine: true }, this.link.epoch());
    else this.work(request.owner, handler, request, answer);
  }

  private work(
    owner: string,
    handler: IqHandler,
    request: CheckedRequest,
    done: (outcome: Outcome, epoch: number) => void,
  ): void {
    const epoch = this.link.epoch();
    const taken =
      this.working < this.link.pendingLimit &&
      this.link.owners.run(owner, () =>
        runHandler(
          handler,
          request,
          (error) => this.handlerFailed(request, error),
          (outcome) => {
            this.working -= 1;
            done(outcome, epoch);
          },
        ),
      );
    // The count rises after `run` where it answers at once, so it is settled before anyone looks.
    this.working += 1;
    if (taken) return;
    this.working -= 1;
    this.link.refused.inc();
    done({ error: new StanzaError('resource-constraint', { text: 'too many requests at once' }) }, epoch);
  }

  private handlerFailed(request: CheckedRequest, error: unknown): void {
    this.link.log.error(
      { code: 'component.handler-failed', payload: request.stanza.payload, id: request.id, error },
      'a handler failed: its request is answered with internal-server-error',
    );
  }

  /** Requests to the component's own domain that every entity answers, and what has a handler. */
  private ownHandler(iq: Stanza, to: Jid): IqHandler | undefined {
    const registered = this.iqs.find(iq);
    const { payload } = iq;
    if (iq.type !== 'get' || payload === null || to.local !== '' || to.resource !== '') return registered;
    const { disco, software } = this.link;
    const items: IqHandler = ({ payload: { attrs } }) => {
      const { node } = attrs;
      // XEP-0030 §7
      if (node && !disco.knows(node)) throw new StanzaError('item-not-found');
      return xml('query', { xmlns: NS.discoItems, node });
    };
    if (payload.namespace === NS.discoInfo && payload.name === 'query') {
      if (registered !== undefined && !disco.knows(iq.element.getChildElements()[0]?.attrs['node'])) {
        return registered;
      }
      return (request) => disco.answerInfo(request);
    }
    if (registered !== undefined) {
      // One that answers for accounts only leaves the component itself to us.
      return payload.name === 'query' && payload.namespace === NS.discoItems
        ? async (request) => {
            const answer = await registered(request);
            return answer === NOT_MINE ? items(request) : answer;
          }
        : registered;
    }
    switch (`${payload.name} ${payload.namespace}`) {
      case `query ${NS.discoItems}`:
        return items;
      case `ping ${NS.ping}`:
        return () => undefined;
      case `query ${NS.version}`:
        return () => versionAnswer(software);
      case `time ${NS.time}`:
        return () => timeAnswer();
      default:
        return undefined;
    }
  }

  private passOn(iq: Stanza): void {
    if (this.otherIqs.length === 0) this.refuse(iq, new StanzaError('service-unavailable'));
    for (const handler of this.otherIqs) handler(iq);
  }

  private refuse(stanza: Stanza, error: StanzaError, epoch = this.link.epoch()): void {
    // Presence has no answer that anyone waits for.
    const reply =
      stanza.name === 'presence'
        ? null
        : errorReply(stanza, error, stanza.toJid ? undefined : { from: this.link.jid.full });
    if (reply !== null) this.link.answer(reply, epoch);
  }
}

/** Whose stanzas stay in order: the addressed account or room; at the component itself, the sender. */
function ownerOf(stanza: Stanza): string {
  const { toJid, fromJid } = stanza;
  return (toJid && toJid.local !== '' ? toJid : fromJid)?.bare ?? '';
}

function isDelegation(iq: Stanza): boolean {
  const { payload } = iq;
  return (
    iq.type === 'set' && payload?.name === 'delegation' && delegationGeneration(payload.namespace) !== null
  );
}

/** The inner request, addressed within the domain that forwards it (XEP-0355 §4.3). */
function checkInner(inner: Stanza, server: Jid): CheckedRequest {
  const { type, id, payload, fromJid: from } = inner;
  const to = inner.to === undefined ? from?.toBare() : inner.toJid;
  if (!from || !to || payload === null || id === undefined || (type !== 'get' && type !== 'set')) {
    throw new StanzaError('bad-request', { text: 'the forwarded iq is malformed' });
  }
  if (to.domain !== server.domain || to.resource !== '') {
    throw new StanzaError('bad-request', { text: 'the forwarded iq is not to an account of this server' });
  }
  return new CheckedRequest(inner, {
    type,
    id,
    from,
    to,
    delegated: { namespace: payload.namespace, server: server.domain },
  });
}

function resultOf(iq: Stanza, result: Element | undefined): Element {
  return xml('iq', { type: 'result', id: iq.id, from: iq.to, to: iq.from }, result);
}
