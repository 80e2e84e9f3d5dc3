import { randomBytes } from 'node:crypto';
import { child, clone, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import type { IqScope } from '../iq/iq-registry.js';
import { localOrigin, type Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import type { ComponentStream } from './component-stream.js';

const TIMEOUT_MILLISECONDS = 30_000;
const PENDING_PER_SENDER = 32;
/** How long after a process has joined others the work of an owner goes on where it was begun. */
const MOVING_MILLISECONDS = 10_000;
const INFO_WILDCARD = `${NS.delegation2}:bare:disco#info:*`;
const ITEMS_WILDCARD = `${NS.delegation2}:bare:disco#items:*`;

interface Pending {
  readonly original: Stanza;
  readonly wrapped: Stanza;
  readonly owner: string;
  /** The stream it was written to; undefined while it waits for one. */
  stream: ComponentStream | undefined;
  /** `performance.now()` when it was given to that. */
  sentAt: number;
  readonly domain: ComponentDomain;
  readonly sender: string;
  readonly release: () => void;
  readonly timer: NodeJS.Timeout;
}

/** The namespace that one component domain is told its delegations in (generation 2, or 1 as in the field). */
export function delegationNamespace(domain: ComponentDomain): string {
  return domain.generation === 1 ? NS.delegation1 : NS.delegation2;
}

/** Namespace delegation, admin mode (XEP-0355 §4): IQs of delegated namespaces go to their managing entity and back. */
export class Delegation {
  readonly #core: Core;
  readonly #registry: ComponentRegistry;
  readonly #pending = new Map<string, Pending>();
  readonly #perSender = new Map<string, number>();
  /** Of shared domains: the unanswered requests of each owner, and the stream that they went to. */
  readonly #atWork = new Map<string, { readonly stream: ComponentStream; count: number }>();
  #sequence = 0;

  constructor(core: Core, registry: ComponentRegistry) {
    this.#core = core;
    this.#registry = registry;
    core.iq.intercept((scope, stanza, account, origin) => this.#intercept(scope, stanza, account, origin));
    registry.onStreamLost((domain, stream) => this.#streamLost(domain, stream));
    registry.onGone((domain) => this.#componentGone(domain));
  }

  /** XEP-0355 §4.2: what is delegated, told once per stream and hosted domain. */
  advertise(domain: ComponentDomain, send: (text: string) => void): void {
    const { delegations } = domain.grants;
    if (delegations.length === 0) return;
    const namespace = delegationNamespace(domain);
    for (const host of this.#core.domains) {
      this.#sequence++;
      const message = xml(
        'message',
        { from: host, to: domain.name, id: `delegation${this.#sequence}` },
        xml(
          'delegation',
          { xmlns: namespace },
          ...delegations.map((grant) =>
            xml(
              'delegated',
              { namespace: grant.namespace },
              ...grant.attributes.map((name) => xml('attribute', { name })),
            ),
          ),
        ),
      );
      send(Stanza.fromElement(message).text);
    }
  }

  /** The answer of a managing entity to a request that we forwarded. True when it is one. */
  settle(answer: Stanza, domain: ComponentDomain): boolean {
    if (answer.type !== 'result' && answer.type !== 'error') return false;
    const pending = answer.id === undefined ? undefined : this.#pending.get(answer.id);
    if (pending === undefined || pending.domain !== domain) return false;
    domain.pings.answered(performance.now() - pending.sentAt);
    const reply = this.#unwrap(answer, pending);
    this.#finish(answer.id ?? '', pending, reply);
    if (reply?.type === 'result') this.#core.hooks.delegationAnswered.emit(pending.original);
    return true;
  }

  #intercept(scope: IqScope, stanza: Stanza, account: AccountState | null, origin: Origin): boolean {
    const domain = this.#managing(scope, stanza, account);
    if (domain === undefined) return false;
    const from = stanza.fromJid;
    // §4.3.1: what the managing entity itself asks is answered here, else it would loop
    if (!from || from.domain === domain.name) return false;
    const sender = from.full;
    const count = this.#perSender.get(sender) ?? 0;
    if (count >= PENDING_PER_SENDER) {
      this.#reply(errorReply(stanza, new StanzaError('resource-constraint', { type: 'wait' })));
      return true;
    }
    this.#perSender.set(sender, count + 1);
    this.#forward(stanza, domain, sender, account, origin);
    return true;
  }

  /** Which component answers this payload, if one does. */
  #managing(scope: IqScope, stanza: Stanza, account: AccountState | null): ComponentDomain | undefined {
    const payload = stanza.payload;
    if (payload === null) return undefined;
    for (const domain of this.#registry.domains.values()) {
      // one without a secret is never there to answer: as if it had no grants
      if (domain.secret === null) continue;
      for (const grant of domain.grants.delegations) {
        if (grant.namespace === payload.namespace) {
          // §4.3 N.B.₃: without the filtering attributes it is not delegated
          if (grant.attributes.length === 0) return domain;
          const element = stanza.element.getChildElements()[0];
          if (grant.attributes.every((name) => element?.attrs[name] !== undefined)) return domain;
        } else if (scope === 'account' && this.#wildcard(grant.namespace, stanza, account)) return domain;
      }
    }
    return undefined;
  }

  /** §7.2.4, §7.2.5: remaining disco#info nodes and all disco#items of bare JIDs, but those that the server has itself. */
  #wildcard(namespace: string, stanza: Stanza, account: AccountState | null): boolean {
    if (account === null || stanza.type !== 'get') return false;
    const asked = stanza.payload?.namespace;
    const info = namespace === INFO_WILDCARD && asked === NS.discoInfo;
    const items = namespace === ITEMS_WILDCARD && asked === NS.discoItems;
    if (!info && !items) return false;
    const node = stanza.element.getChildElements()[0]?.attrs['node'] ?? '';
    if (node === '') return items;
    return stanza.fromJid?.bare !== account.bare || this.#core.disco.ownNodeHandlers(node) === undefined;
  }

  #forward(
    stanza: Stanza,
    domain: ComponentDomain,
    sender: string,
    account: AccountState | null,
    origin: Origin,
  ): void {
    this.#sequence++;
    const id = `delegate${this.#sequence}-${randomBytes(6).toString('base64url')}`;
    const inner = clone(stanza.element);
    inner.attrs['xmlns'] = NS.client;
    const host = account?.jid.domain ?? stanza.toJid?.domain ?? this.#core.domains[0] ?? '';
    const wrapped = Stanza.fromElement(
      xml(
        'iq',
        { from: host, to: domain.name, id, type: 'set' },
        xml(
          'delegation',
          { xmlns: delegationNamespace(domain) },
          xml('forwarded', { xmlns: NS.forward }, inner),
        ),
      ),
    );
    const timer = setTimeout(() => this.#expire(id), TIMEOUT_MILLISECONDS);
    timer.unref();
    // whom the request is about (docs/protocols/shared-domain.md)
    const owner = account?.bare ?? stanza.fromJid?.bare ?? sender;
    const pending: Pending = {
      original: stanza,
      wrapped,
      owner,
      stream: undefined,
      sentAt: 0,
      domain,
      sender,
      release: origin.hold(),
      timer,
    };
    this.#pending.set(id, pending);
    this.#send(id, pending);
  }

  #send(id: string, pending: Pending, again = false): void {
    const { domain, owner, wrapped } = pending;
    const taken = domain.deliverFor(wrapped, localOrigin, owner, {
      place: () => this.#workplace(domain, owner),
      again,
      sent: (stream) => {
        pending.stream = stream;
        pending.sentAt = performance.now();
        this.#began(pending, stream);
      },
    });
    if (!taken) this.#finish(id, pending, unavailable(pending.original));
  }

  /** Requests of one owner travel in order on one connection, also while a new process takes over its owners. */
  #workplace(domain: ComponentDomain, owner: string): ComponentStream | undefined {
    if (performance.now() - domain.joinedAt > MOVING_MILLISECONDS) return undefined;
    const work = this.#atWork.get(`${domain.name} ${owner}`);
    return work !== undefined && domain.streams.includes(work.stream) ? work.stream : undefined;
  }

  #began(pending: Pending, stream: ComponentStream): void {
    if (!pending.domain.shared) return;
    const key = `${pending.domain.name} ${pending.owner}`;
    const work = this.#atWork.get(key);
    if (work?.stream === stream) work.count++;
    else this.#atWork.set(key, { stream, count: 1 });
  }

  #ended(pending: Pending): void {
    const key = `${pending.domain.name} ${pending.owner}`;
    const work = this.#atWork.get(key);
    if (work === undefined || work.stream !== pending.stream) return;
    work.count--;
    if (work.count === 0) this.#atWork.delete(key);
  }

  /** What the client gets for an answer: the checked inner stanza, or an error. */
  #unwrap(answer: Stanza, pending: Pending): Stanza | null {
    if (answer.type === 'error') {
      const error = answer.element.getChild('error');
      return error === undefined
        ? unavailable(pending.original)
        : errorReply(pending.original, StanzaError.fromElement(error));
    }
    const delegation = child(answer.element, 'delegation', delegationNamespace(pending.domain));
    const forwarded = delegation && child(delegation, 'forwarded', NS.forward);
    const inner = forwarded && child(forwarded, 'iq', NS.client);
    if (inner === undefined) return unavailable(pending.original);
    const { original } = pending;
    const type = inner.attrs['type'];
    const from = inner.attrs['from'];
    const to = inner.attrs['to'];
    const right =
      (type === 'result' || (type === 'error' && child(inner, 'error') !== undefined)) &&
      inner.attrs['id'] === original.id &&
      to !== undefined &&
      parseJid(to)?.full === original.fromJid?.full &&
      // a missing inner `from` is filled in
      (from === undefined || parseJid(from)?.full === original.toJid?.full);
    if (!right) {
      this.#core.log.warn(
        { code: 'delegation.bad-answer', domain: pending.domain.name, id: original.id },
        'a managing entity answered for somebody else',
      );
      return unavailable(pending.original);
    }
    const copy = clone(inner);
    delete copy.attrs['xmlns'];
    if (original.to === undefined) delete copy.attrs['from'];
    else copy.attrs['from'] = original.to;
    return Stanza.fromElement(copy);
  }

  #finish(id: string, pending: Pending, reply: Stanza | null): void {
    this.#pending.delete(id);
    this.#ended(pending);
    clearTimeout(pending.timer);
    const count = this.#perSender.get(pending.sender) ?? 0;
    if (count <= 1) this.#perSender.delete(pending.sender);
    else this.#perSender.set(pending.sender, count - 1);
    this.#reply(reply);
    pending.release();
  }

  #reply(reply: Stanza | null): void {
    if (reply !== null) this.#core.router.reply(reply);
  }

  #expire(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#core.log.warn(
      { code: 'delegation.timeout', domain: pending.domain.name },
      'a managing entity did not answer',
    );
    this.#finish(id, pending, unavailable(pending.original));
  }

  /**
   * What a lost stream had not answered is sent again, with the same id, to the next one, where that can do no harm: a
   * component that said `<reset/>` has answered all that it has carried out, and asking twice changes nothing. A change
   * may have been made already, and others since: nobody but the client can know whether to make it again. Blocks and
   * privacy lists are the exception: their protocol numbers changes, and making one again also tells those of the
   * account's resources that the lost process had not told yet.
   */
  #streamLost(domain: ComponentDomain, stream: ComponentStream): void {
    for (const [id, pending] of [...this.#pending]) {
      if (pending.domain !== domain || pending.stream !== stream) continue;
      this.#ended(pending);
      pending.stream = undefined;
      const harmless = pending.original.type === 'get' || domain.grants.privacyEnforcement;
      if (stream.finishedItsWork || harmless) this.#send(id, pending, true);
      else this.#finish(id, pending, interrupted(pending.original));
    }
  }

  #componentGone(domain: ComponentDomain): void {
    for (const [id, pending] of [...this.#pending]) {
      if (pending.domain === domain) this.#finish(id, pending, unavailable(pending.original));
    }
  }
}

/** `service-unavailable` like every other failure of a component, but the client learns that it may have been done. */
function interrupted(request: Stanza): Stanza | null {
  const text = 'interrupted: look whether the change was made before you repeat it';
  return errorReply(request, new StanzaError('service-unavailable', { type: 'wait', text }));
}

function unavailable(request: Stanza): Stanza | null {
  return errorReply(request, new StanzaError('service-unavailable'));
}
