import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger, Metrics } from '../observability/types.js';
import { type Element, xml } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import { type Jid, jid } from '../xmpp/jid.js';
import { NS } from '../xmpp/namespaces.js';
import { StanzaError } from '../xmpp/stanza-error.js';
import { Advertisements } from './advertisements.js';
import type { Component, ComponentHealth, PrivilegedVerbs, ServerLink } from './component.js';
import { Connection } from './connection.js';
import { Disco } from './disco.js';
import type { ServerGrants } from './grants.js';
import { Inbound } from './inbound.js';
import { IqTracker } from './iq-tracker.js';
import { Keepalive } from './keepalive.js';
import { Listeners } from './listeners.js';
import { declareMetrics, type LinkCounters } from './metrics.js';
import {
  type ComponentLimits,
  type ComponentOptions,
  type ComponentTiming,
  LIMITS,
  TIMING,
} from './options.js';
import { OutboundQueue } from './outbound.js';
import { OwnerQueue } from './owner-queue.js';
import { createPrivilegedVerbs } from './privilege.js';
import type { Share } from './share.js';
import type { ComponentStream, StreamEnd } from './stream.js';
import { insteadOf, isLargerThan } from './too-large.js';
import { wireText } from './wire-text.js';

export type { ComponentLimits, ComponentOptions, ComponentTiming } from './options.js';

/** Makes a component: register handlers, then `start` it. */
export function createComponent(options: ComponentOptions): Component {
  return new ComponentRuntime(options);
}

class ComponentRuntime implements Component {
  readonly domain: string;
  readonly jid: Jid;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly disco = new Disco();
  readonly privileged: PrivilegedVerbs;
  private readonly limits: ComponentLimits;
  private readonly timing: ComponentTiming;
  private readonly advertisements: Advertisements;
  private readonly grants: ServerGrants;
  private readonly tracker = new IqTracker();
  private readonly outbound: OutboundQueue;
  private readonly owners: OwnerQueue;
  private readonly inbound: Inbound;
  private readonly connection: Connection;
  private readonly keepalive: Keepalive;
  private stanzas = 0;
  private stopping = false;
  private readonly up: Listeners<[link: ServerLink]>;
  private readonly down: Listeners<[]>;
  private readonly counters: LinkCounters;
  private readonly gaveUp: ComponentOptions['gaveUp'];
  private epoch = 0;
  private starting: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(options: ComponentOptions) {
    this.jid = jid(options.domain);
    this.domain = this.jid.domain;
    this.log = options.log;
    this.metrics = options.metrics;
    this.gaveUp = options.gaveUp;
    this.limits = { ...LIMITS, ...options.limits };
    this.timing = { ...TIMING, ...options.timing };
    this.up = new Listeners(options.log);
    this.down = new Listeners(options.log);
    this.advertisements = new Advertisements({
      serverDomains: options.serverDomains,
      expect: options.expect,
      milliseconds: this.timing.advertisementMilliseconds,
      log: options.log,
      request: (iq, requestOptions) => this.request(iq, requestOptions),
    });
    this.grants = this.advertisements.grants;
    this.counters = declareMetrics(options.metrics, this);
    this.outbound = new OutboundQueue({
      bytes: this.limits.outboundBytes,
      lowWater: this.limits.outboundLowWater,
    });
    this.owners = new OwnerQueue({
      limitPerOwner: this.limits.pendingPerOwner,
      failed: (error) => this.log.error({ code: 'component.handler-failed', error }, 'a handler failed'),
    });
    this.inbound = new Inbound({
      jid: this.jid,
      log: this.log,
      disco: this.disco,
      owners: this.owners,
      software: options.software,
      pendingLimit: this.limits.pending,
      refused: this.counters.overload,
      isServer: (domain) => this.grants.domains.has(domain),
      epoch: () => this.epoch,
      stopping: () => this.stopping,
      answer: (stanza, epoch) => this.answer(stanza, epoch),
      takeAnswer: (iq) => this.tracker.answer(iq),
      takeAdvertisement: (message) => this.advertisements.take(message),
    });
    this.privileged = createPrivilegedVerbs({
      domain: this.domain,
      privilegesOf: (domain) => this.grants.privilegesOf(domain),
      send: (stanza) => this.send(stanza),
      request: (iq, requestOptions) => this.request(iq, requestOptions),
      nextId: () => this.tracker.nextId(),
    });
    this.connection = new Connection(
      {
        host: options.host,
        port: options.port,
        domain: this.domain,
        secret: options.secret,
        tls: options.tls ?? null,
        limits: this.limits.xml,
        openTimeoutMilliseconds: this.timing.openMilliseconds,
      },
      {
        up: (stream) => this.streamUp(stream),
        stanza: (stanza) => this.received(stanza),
        heard: () => this.keepalive.heard(),
        down: () => this.streamDown(),
        refused: (end) => this.refused(end),
      },
      this.log,
      this.timing,
    );
    this.keepalive = new Keepalive(this.timing.keepalive, {
      space: () => this.connection.stream?.writeNow(' '),
      ping: () => void this.ping(),
      dead: () => this.connection.stream?.abandon({ kind: 'timeout', text: 'the server is silent' }),
    });
    this.disco.feature(NS.discoInfo, NS.discoItems, NS.ping, NS.version, NS.time);
  }

  get server(): ServerLink {
    return this.grants;
  }

  get share(): Share {
    return this.advertisements.share;
  }

  get health(): ComponentHealth {
    const end = this.connection.lastEnd;
    const reason = end && [end.kind, end.condition, end.text].filter((part) => part !== undefined).join(': ');
    return {
      connected: this.grants.connected,
      lastError: reason,
      pending: this.inbound.pending,
      outboundBytes: this.outbound.bytes,
      stanzas: this.stanzas,
    };
  }

  onIq(...[type, namespace, name, handler]: Parameters<Component['onIq']>): void {
    this.inbound.iqs.add(type, namespace, name, handler);
  }
  onOtherIq(handler: (iq: Stanza) => void): void {
    this.inbound.otherIqs.push(handler);
  }
  onMessage(handler: (message: Stanza) => void | Promise<void>): void {
    this.inbound.messages.push(handler);
  }
  onServerMessage(namespace: string, handler: (message: Stanza) => void): void {
    this.inbound.serverMessages.set(namespace, handler);
  }
  onPresence(handler: (presence: Stanza) => void | Promise<void>): void {
    this.inbound.presences.push(handler);
  }
  onUp(handler: (link: ServerLink) => void): void {
    this.up.add(handler);
  }
  onDown(handler: () => void): void {
    this.down.add(handler);
  }
  onGrantsChanged(handler: (link: ServerLink) => void): void {
    this.advertisements.grantsChanged.add(handler);
  }

  onShareChanged(handler: () => void): void {
    this.advertisements.shareChanged.add(handler);
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.starting = { resolve, reject };
      this.connection.start();
    });
  }

  renew(change: Parameters<Component['renew']>[0]): void {
    this.connection.renew(change);
  }

  async stop(how: 'restart' | 'leaving'): Promise<void> {
    // From now on nothing delegated is begun: a `<reset/>` tells the server that it may give it to another.
    this.stopping = true;
    const cut = new AbortController();
    await Promise.race([
      this.owners.idle(),
      // The timer must not keep the process alive when the work is done first.
      new Promise((resolve) => {
        const timer = setTimeout(resolve, this.timing.drainMilliseconds);
        cut.signal.addEventListener('abort', () => clearTimeout(timer));
      }),
    ]);
    cut.abort();
    // Handlers that ended in this turn have answered by the next.
    await nextTurn();
    this.outbound.flush();
    this.keepalive.stop();
    // Work that was not done in time may be done or not: then the stream just ends, as after a crash.
    if (how === 'restart' && this.owners.size > 0) this.connection.stream?.abandon({ kind: 'lost' });
    await this.connection.stop(how === 'restart' ? 'reset' : 'plain', this.timing.closeMilliseconds);
    this.outbound.release();
  }

  send(stanza: Element | Stanza | string): boolean {
    const text = this.fitting(wireText(stanza, this.domain));
    if (text === null) return true;
    const taken = this.outbound.push(text);
    if (taken) this.wrote();
    else this.counters.notTaken.inc();
    return taken;
  }

  drained(): Promise<void> {
    return this.outbound.drained();
  }

  async request(iq: Element, options: { timeoutMilliseconds?: number } = {}): Promise<Stanza> {
    const request = {
      id: iq.attrs['id'] ?? this.tracker.nextId(),
      from: iq.attrs['from'] ?? this.domain,
      to: iq.attrs['to'] ?? '',
    };
    if (request.to === '') throw new TypeError('a request needs a `to`');
    const timeoutMilliseconds = options.timeoutMilliseconds ?? this.timing.requestMilliseconds;
    const copy = xml('iq', { ...iq.attrs, ...request });
    copy.children = iq.children;
    const answer = this.tracker.expect({ ...request, timeoutMilliseconds });
    if (!this.send(copy)) {
      const error = this.grants.connected
        ? new StanzaError('resource-constraint', { text: 'too much waits for the server' })
        : new StanzaError('remote-server-timeout', { text: 'no link to the server' });
      this.tracker.cancel(request, error);
    }
    return answer;
  }

  private received(stanza: Stanza): void {
    this.stanzas++;
    this.counters.received.inc();
    try {
      this.inbound.receive(stanza);
    } catch (error) {
      // One bad stanza costs one log line, never the process.
      this.log.error(
        { code: 'component.dispatch-failed', name: stanza.name, id: stanza.id, error },
        'internal error',
      );
    }
  }

  private answer(stanza: Stanza | Element, epoch: number): void {
    if (epoch !== this.epoch || !this.grants.connected) {
      this.counters.late.inc();
      return;
    }
    const text = this.fitting(wireText(stanza, this.domain));
    if (text === null) return;
    if (this.outbound.pushAnswer(text)) this.wrote();
    else this.connection.stream?.abandon({ kind: 'timeout', text: 'the server does not read' });
  }

  /** The text, or what is said instead of one that would cost the stream; null: nothing can be. */
  private fitting(text: string): string | null {
    if (!isLargerThan(this.limits.stanzaBytes, text)) return text;
    const { stanza, instead } = insteadOf(text);
    const { name, type, from, to = '', id = '', payload } = stanza;
    this.log.warn(
      { code: 'component.stanza-too-large', name, type, from, payload, characters: text.length },
      'a stanza was not sent: it is too large for the server',
    );
    const error = new StanzaError('policy-violation', { text: 'the request is too large for the server' });
    if (instead === null && name === 'iq') this.tracker.cancel({ id, from: from ?? '', to }, error);
    return instead;
  }

  private wrote(): void {
    this.keepalive.wrote();
    this.stanzas++;
    this.counters.sent.inc();
  }

  private streamUp(stream: ComponentStream): void {
    this.epoch += 1;
    this.grants.connected = true;
    this.outbound.attach(stream.socket);
    this.keepalive.start();
    void this.learnServer(this.epoch);
  }

  private streamDown(): void {
    const wasAnnounced = this.grants.connected;
    this.keepalive.stop();
    this.advertisements.clear();
    this.outbound.detach();
    this.tracker.failAll(
      new StanzaError('remote-server-timeout', { text: 'the link to the server is lost' }),
    );
    if (wasAnnounced) this.down.tell();
  }

  private refused(end: StreamEnd): void {
    const reason = `the server refuses this component: ${[end.condition, end.text].filter(Boolean).join(': ')}`;
    this.gaveUp?.(reason);
    this.starting?.reject(new Error(reason));
    this.starting = null;
    this.outbound.release();
  }

  /** Waits for what the server says, then says that we are up. */
  private async learnServer(epoch: number): Promise<void> {
    const met = await this.advertisements.learn();
    if (epoch !== this.epoch || !this.grants.connected) return;
    if (!met) this.advertisements.warnOfMissing();
    this.up.tell(this.grants);
    this.starting?.resolve();
    this.starting = null;
  }

  private async ping(): Promise<void> {
    const [server] = this.grants.domains.keys();
    const iq = xml('iq', { type: 'get', to: server }, xml('ping', { xmlns: NS.ping }));
    // Any bytes show that the server lives, an error answer too; silence is noticed by the keepalive itself.
    await this.request(iq, { timeoutMilliseconds: this.timing.keepalive.answerMilliseconds }).catch(
      () => undefined,
    );
  }
}
