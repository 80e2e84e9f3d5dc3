import { randomUUID } from 'node:crypto';
import type { Logger } from '../../shared/observability/types.js';
import type { Element } from '../../shared/xml/element.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { type BareJid, type Domain, type Jid, parseJid, prepareDomain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import { isStanzaName } from '../../shared/xmpp/stanza-name.js';
import type { StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import type { Session, SessionStream } from '../sessions/session.js';
import type { ClientStreamServices } from './client-stream-services.js';
import type { Transport, TransportHandler } from './transport.js';

/** How a stream ended: by the peer's closing tag, by a stream error of ours, or without a word. */
export interface StreamEnd {
  readonly how: 'closed' | 'failed' | 'lost';
  readonly reason: string;
}

/** How far a client's stream has come. */
type ClientStreamState =
  | { readonly step: 'opening' }
  | { readonly step: 'negotiating' }
  | { readonly step: 'bound'; readonly session: Session }
  | { readonly step: 'closed' };

/** One stream of one client: header, features, and then its stanzas into the session. */
export class ClientStream implements TransportHandler, SessionStream {
  readonly transport: Transport;
  readonly log: Logger;
  readonly openedAt = performance.now();
  /** Set by the header; which hosted domain the client wants. */
  domain: Domain | null = null;
  /** Who the client is, once authenticated. */
  account: Jid | null = null;
  /** `from` of the client's header, as claimed. */
  from: Jid | null = null;
  /** The client's default language (RFC 6120 §4.7.4). */
  lang: string | undefined;
  /** False for clients from before XMPP 1.0: no features, no version (RFC 6120 §4.7.5). */
  modern = true;
  id = '';
  state: ClientStreamState = { step: 'opening' };
  /** What features remember of this stream, by the feature's own key. */
  readonly notes = new Map<string, unknown>();
  readonly services: ClientStreamServices;
  #reservedFor: string | null = null;

  constructor(transport: Transport, services: ClientStreamServices) {
    this.transport = transport;
    this.services = services;
    this.log = services.log;
    transport.handler = this;
    services.opened(this);
  }

  get session(): Session | null {
    return this.state.step === 'bound' ? this.state.session : null;
  }
  /** All streams of one account share what one stream gets when there is more than can be done. */
  get owner(): object {
    return this.session?.account ?? this;
  }
  get secure(): boolean {
    return this.transport.secure;
  }
  get remoteAddress(): string {
    return this.transport.remoteAddress;
  }
  get queuedBytes(): number {
    return this.transport.queuedBytes;
  }

  send(text: string): void {
    this.transport.send(text);
  }
  afterFlush(callback: () => void): void {
    this.transport.afterFlush(callback);
  }
  fail(condition: StreamErrorCondition, text?: string, application?: Element): void {
    this.transport.fail(condition, text, application);
    // a transport that failed reports nothing more; the session learns it here
    this.#end({ how: 'failed', reason: condition });
  }
  pauseFor(milliseconds: number): void {
    this.transport.pause();
    setTimeout(() => {
      if (this.state.step !== 'closed') this.transport.resume();
    }, milliseconds).unref();
  }
  close(): void {
    this.transport.close();
  }
  destroy(): void {
    this.transport.destroy();
  }

  // ---- negotiation, driven by the features ----

  /** The client has proved who it is; `restart` as SASL wants (RFC 6120 §6.4.6). */
  authenticated(account: BareJid, restart: boolean): void {
    if (this.account === null) this.services.authenticated(this);
    this.account = parseJid(account);
    this.transport.setLimits(this.services.limitsAfterAuthentication);
    if (restart) this.restart();
  }

  /** The client begins a new stream on the same connection. */
  restart(): void {
    this.transport.expectRestart();
    this.state = { step: 'opening' };
  }

  /** Sends the features that apply now. */
  sendFeatures(): void {
    this.send(`<stream:features>${this.services.features.offers(this)}</stream:features>`);
  }

  /** A resource is bound: from here stanzas go to the session. */
  bound(session: Session): void {
    this.state = { step: 'bound', session };
  }

  /** Until that is lifted with null, anything outside this namespace ends the stream, white space too (XEP-0388 §2.4). */
  reserve(namespace: string | null): void {
    this.#reservedFor = namespace;
    this.transport.watchWhitespace?.(namespace !== null);
  }

  // ---- what the transport reports ----

  streamOpened(header: StreamHeader): void {
    if (this.state.step !== 'opening') return this.fail('bad-format', 'unexpected stream header');
    this.id = randomUUID();
    const domain = header.to === undefined ? null : prepareDomain(header.to);
    const known = domain !== null && this.services.hosts(domain);
    this.lang = header.lang;
    this.modern = header.version !== undefined && !/^0*\./.test(header.version);
    const from = header.from === undefined ? null : parseJid(header.from);
    this.from = from;
    this.transport.sendHeader({
      contentNamespace: NS.client,
      id: this.id,
      // RFC 6120 §4.9.1.3: never an address that is not ours, also where somebody else was asked for
      from: known ? domain : this.services.defaultDomain,
      // §4.7.2: answered only when the client said who it is
      ...(from === null ? {} : { to: from.bare }),
      ...(this.modern ? { version: '1.0' as const } : {}),
      lang: languageOf(header.lang),
    });
    if (header.namespace !== NS.streams) return this.fail('invalid-namespace');
    if (header.name !== 'stream') return this.fail('bad-format', 'the root element is not <stream/>');
    // §4.8.2: the content namespace as the default one, or (prefix-free) none and each stanza names its own
    const prefixFree = header.prefix === '' && header.defaultNamespace === NS.streams;
    if (header.defaultNamespace !== NS.client && !prefixFree) return this.fail('invalid-namespace');
    if (header.version !== undefined && !/^\d+\.\d+$/.test(header.version))
      return this.fail('unsupported-version');
    if (header.to === undefined) return this.fail('improper-addressing', "the stream header needs a 'to'");
    if (!known) return this.fail('host-unknown');
    if (this.account !== null && domain !== this.account.domain) return this.fail('host-unknown');
    // XEP-0388 §2.1, which is only offered inside TLS: nobody of another domain can log in here. Old libraries name their
    // machine, which is no account.
    if (this.secure && from !== null && from.local !== '' && from.domain !== domain)
      return this.fail('invalid-from');
    this.domain = domain;
    this.state = { step: 'negotiating' };
    if (this.modern) this.sendFeatures();
  }

  stanzaReceived(stanza: Stanza): void {
    const state = this.state;
    if (state.step === 'closed') return;
    const isStanza = stanza.namespace === NS.client && isStanzaName(stanza.name);
    if (state.step === 'bound') {
      if (isStanza) this.services.receive(state.session, stanza);
      else this.#receiveElement(stanza);
      return;
    }
    if (this.#reservedFor !== null && stanza.namespace !== this.#reservedFor)
      return this.fail('not-authorized', 'an exchange is in progress');
    if (!isStanza) return this.#receiveElement(stanza);
    this.#receiveUnbound(stanza);
  }

  whitespace(): void {
    if (this.#reservedFor !== null) this.fail('not-authorized', 'an exchange is in progress');
  }

  streamClosed(): void {
    this.#end({ how: 'closed', reason: 'closed by the client' });
  }

  lost(reason: string): void {
    this.#end({ how: 'lost', reason });
  }

  drained(): void {
    this.session?.drained();
  }

  #receiveElement(element: Stanza): void {
    // §4.9.1.1: the peer closes with an error; an error is not answered with another
    if (element.namespace === NS.streams && element.name === 'error') return this.close();
    // §4.8.3: the other content namespaces have no business here
    if (element.namespace === NS.server || element.namespace === NS.component)
      return this.fail('invalid-namespace');
    const feature = this.services.features.taker(element.namespace);
    if (feature !== undefined) return feature.receive(this, element);
    if (this.account === null) return this.fail('not-authorized');
    // RFC 6120 §4.9.3.24: an element that is no stanza and nothing we know
    this.fail('unsupported-stanza-type');
  }

  /**
   * RFC 6120 §7.1, §4.9.3.12: before binding only IQs to the server about the stream itself. What else the server or the own
   * account is asked is refused, and need not end the stream as what is for others must (§4.3.5).
   */
  #receiveUnbound(stanza: Stanza): void {
    const forUs = stanza.name === 'iq' && this.#concernsUs(stanza);
    const handler = forUs ? this.services.features.unboundIq(stanza) : undefined;
    if (handler !== undefined) {
      // An id may be missing here: what iksemel (and so Asterisk's and FreeSWITCH's old clients) binds with has none
      if (stanza.type !== 'get' && stanza.type !== 'set') {
        return this.answer(stanza, new StanzaError('bad-request'));
      }
      handler.receive(this, stanza);
      return;
    }
    if (forUs && stanza.type === 'get') return this.answer(stanza, new StanzaError('not-authorized'));
    this.fail('not-authorized');
  }

  /** Whether it is for the server or for the account that logged in, which is all that may be asked before binding. */
  #concernsUs({ to, toJid }: Stanza): boolean {
    if (to === undefined) return true;
    if (toJid == null || toJid.resource !== '') return false;
    return toJid.local === '' ? this.services.hosts(toJid.domain) : toJid.bare === this.account?.bare;
  }

  /** Answers an IQ of this stream itself, before a session exists. */
  answer(iq: Stanza, answer: StanzaError | string): void {
    if (answer instanceof StanzaError) {
      const reply = errorReply(iq, answer);
      if (reply !== null) this.send(reply.text);
      return;
    }
    this.send(iqResultText(iq.id, answer));
  }

  #end(reason: StreamEnd): void {
    const state = this.state;
    if (state.step === 'closed') return;
    this.state = { step: 'closed' };
    this.services.closed(this, state.step === 'bound' ? state.session : null, reason);
  }
}

function iqResultText(id: string | undefined, payload: string): string {
  const start = id === undefined ? "<iq type='result'" : `<iq type='result' id='${escapeAttribute(id)}'`;
  return payload === '' ? `${start}/>` : `${start}>${payload}</iq>`;
}

/** RFC 6120 §4.7.4: what we say is English, so that is what the header says, however the client calls it. */
function languageOf(wanted: string | undefined): string {
  return wanted !== undefined && /^en(-[A-Za-z0-9]{1,8})*$/i.test(wanted) ? wanted : 'en';
}
