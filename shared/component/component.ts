import type { Logger, Metrics } from '../observability/types.js';
import type { Element } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import type { Jid } from '../xmpp/jid.js';
import type { Share } from './share.js';

/** One component domain on one XEP-0114 stream, kept connected. Made by `createComponent` in `runtime.ts`. */
export interface Component {
  readonly domain: string;
  readonly jid: Jid;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly disco: ComponentDisco;
  readonly server: ServerLink;
  /** What may be done for the server's accounts (XEP-0356). */
  readonly privileged: PrivilegedVerbs;
  readonly health: ComponentHealth;
  /**
   * Connects, and keeps connected. Resolves when the first stream is up and its advertisements are known; rejects when
   * the server refuses the secret.
   */
  start(): Promise<void>;
  /**
   * Takes a changed secret or changed TLS settings: the next stream is made with them, and a refused secret is tried
   * again. A stream that is up stays.
   */
  renew(change: { readonly secret: string; readonly tls: ComponentTls | null }): void;
  /** Finishes what was accepted, sends `<reset/>` or (`leaving`) a plain close, and ends. */
  stop(how: 'restart' | 'leaving'): Promise<void>;

  /**
   * Registers the handler for one IQ payload, before `start`. A returned element is the result's payload, `undefined`
   * an empty result, a thrown {@link StanzaError} the error answer; anything else thrown becomes
   * `internal-server-error` and one log line. Unhandled payloads are answered `service-unavailable`.
   *
   * The runtime itself answers ping (0199), version (0092), time (0202) and disco#info to the component's own domain, unless
   * there is a handler; a handler of disco#info sees those with a node of its own, and delegated ones
   * ({@link IqRequest.delegated}).
   */
  onIq(type: 'get' | 'set', namespace: string, name: string, handler: IqHandler): void;
  /**
   * IQs that no registered payload takes ({@link NOT_MINE} included), results and errors of others' requests included
   * (MUC relays them). Delegated ones are not among them. Who registers this answers for the gets and sets it is given.
   */
  onOtherIq(handler: (iq: Stanza) => void): void;
  /**
   * Without a handler messages are answered `service-unavailable`. While a handler's promise is pending, the same owner's
   * later stanzas wait (the owner is the addressed bare JID, or for the component's own domain the sender's).
   */
  onMessage(handler: (message: Stanza) => void | Promise<void>): void;
  /**
   * Messages of the server itself with a payload of that namespace: each is handed over at once and in order, past the
   * queues of owners and the handlers of {@link onMessage}. For a protocol between this component and its server.
   */
  onServerMessage(namespace: string, handler: (message: Stanza) => void): void;
  onPresence(handler: (presence: Stanza) => void | Promise<void>): void;
  /** Called when the stream is up (again), with what the server grants now, and when it is lost. */
  onUp(handler: (link: ServerLink) => void): void;
  onDown(handler: () => void): void;
  /** Which owners this process serves, where others may serve the same domain. */
  readonly share: Share;
  /** Called when the server says that {@link share} has changed, in the order of the stream's stanzas. */
  onShareChanged(handler: () => void): void;
  /** Called when the server changes its grants while the stream is up. */
  onGrantsChanged(handler: (link: ServerLink) => void): void;

  /**
   * Queues a stanza or ready-made wire text. `from` must lie in this component's domain; an element without one gets the
   * domain itself. False when the bounded outbound queue is full or the link is down and the stanza was not taken.
   */
  send(stanza: Element | Stanza | string): boolean;
  /**
   * Resolves when the outbound queue is below its low-water mark: await it in long fan-outs. While the link is down it
   * resolves when it is up again (or the component stops).
   */
  drained(): Promise<void>;
  /**
   * Sends an IQ get/set and resolves with the result stanza (keyed by id + from + to). Rejects with a
   * {@link StanzaError} for an error answer, for `remote-server-timeout` after `timeoutMilliseconds`, when the link is lost.
   */
  request(iq: Element, options?: { timeoutMilliseconds?: number }): Promise<Stanza>;
}

/** TLS from the first byte of the component's connection. */
export interface ComponentTls {
  /** Trust anchors (PEM) instead of the system's. */
  readonly ca?: string;
  /** Our own certificate and its key (PEM), for a server that asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must have. */
  readonly servername: string;
}

/** Who asks, about whom, and how it came. */
export interface IqRequest {
  readonly stanza: Stanza;
  readonly type: 'get' | 'set';
  readonly id: string;
  readonly from: Jid;
  readonly to: Jid;
  readonly payload: Element;
  /** Present where the server delegated this (XEP-0355): the request is then addressed to an account or the server itself. */
  readonly delegated: { readonly namespace: string; readonly server: string } | null;
}

/** What a handler returns for a request that it has no answer to: it then goes to {@link Component.onOtherIq}. */
export const NOT_MINE: unique symbol = Symbol('not mine');
export type IqAnswer = Element | undefined | typeof NOT_MINE;

export type IqHandler = (request: IqRequest) => IqAnswer | Promise<IqAnswer>;

export interface DiscoIdentity {
  readonly category: string;
  readonly type: string;
  readonly name?: string;
}

/** The component's own disco answers, and those nested into the server's by delegation (XEP-0355 §7.2). */
export interface ComponentDisco {
  identity(identity: DiscoIdentity): void;
  feature(...features: string[]): void;
  /** XEP-0128 form of the component's own disco#info. */
  form(form: Element): void;
  /** Nested: what the server adds to its own disco#info, and to its accounts' bare JIDs'. */
  nestedServer(namespace: string, part: DiscoPart): void;
  nestedAccount(namespace: string, part: DiscoPart): void;
}
export interface DiscoPart {
  readonly identities?: readonly DiscoIdentity[];
  readonly features?: readonly string[];
  readonly forms?: readonly Element[];
}

/** What the server at the other end grants for one of its domains; refreshed by its advertisements. */
export interface DomainGrants {
  /** Namespaces delegated to us → the delegation generation (`1` or `2`) the server speaks. */
  readonly delegations: ReadonlyMap<string, DelegationGrant>;
  readonly privileges: Privileges;
  /** disco#info features of the server, asked once per stream; empty until known. */
  readonly features: ReadonlySet<string>;
}

/** The server at the other end. Its own fields are the grants for its main domain (the first of `CORE_DOMAIN`). */
export interface ServerLink extends DomainGrants {
  readonly connected: boolean;
  /** The grants for each hosted domain that this component serves. */
  readonly domains: ReadonlyMap<string, DomainGrants>;
}

/** For `/readyz` and `entourage status`. */
export interface ComponentHealth {
  readonly connected: boolean;
  /** Why the last stream ended or could not be opened. */
  readonly lastError: string | null;
  /** IQs that handlers are at work on. */
  readonly pending: number;
  readonly outboundBytes: number;
  /** Received and sent since the start. */
  readonly stanzas: number;
}
export interface DelegationGrant {
  readonly generation: 1 | 2;
  readonly namespace: string;
  readonly filteringAttributes: readonly string[];
}
export interface Privileges {
  readonly generation: 1 | 2 | null;
  readonly roster: 'none' | 'get' | 'set' | 'both';
  readonly rosterPush: boolean;
  /** It was said, not left to the specification's default: servers that leave it out are known to send no pushes. */
  readonly rosterPushSaid: boolean;
  readonly message: 'none' | 'outgoing';
  readonly presence: 'none' | 'managed_entity' | 'roster';
  /** IQ permissions: namespace → what may be sent as an account (XEP-0356 v0.4). */
  readonly iq: ReadonlyMap<string, 'get' | 'set' | 'both'>;
}

/** XEP-0356's verbs, each rejecting with a StanzaError `forbidden` at once where the server does not grant it. */
export interface PrivilegedVerbs {
  /** Sends `message`, whose `from` is an account's bare JID, wrapped as `<privilege><forwarded/>`. */
  sendMessageAs(message: Element): void;
  getRoster(account: string): Promise<Element>;
  setRoster(account: string, query: Element): Promise<void>;
  /** An IQ sent as the account (`privileged_iq`). */
  requestAs(iq: Element): Promise<Stanza>;
}
