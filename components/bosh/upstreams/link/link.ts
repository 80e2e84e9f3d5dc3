import { randomBytes } from 'node:crypto';
import { creditWindow } from '../../../../shared/client-link/credit.js';
import { OperationWriter, readOperation } from '../../../../shared/client-link/operations.js';
import type { Component, ServerLink } from '../../../../shared/component/component.js';
import type { Logger } from '../../../../shared/observability/types.js';
import { type Element, xml } from '../../../../shared/xml/element.js';
import type { Stanza } from '../../../../shared/xml/stanza.js';
import type { XmlLimits } from '../../../../shared/xml/stream-parser.js';
import { NS } from '../../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../../shared/xmpp/stanza-error.js';
import type { ClientHeader, ClientOrigin, Upstream, UpstreamEvents, UpstreamStream } from '../upstream.js';
import { LinkStream, type LinkWriter } from './link-stream.js';

const version = '1';
/** How long acknowledgements may wait for company. */
const acknowledgeMilliseconds = 250;

interface LinkOptions {
  readonly component: Component;
  /** The server's main domain: where operations go. */
  readonly serverDomain: string;
  /** The largest element that is taken from a client, whatever the server would take. */
  readonly stanzaBytes: number;
  readonly log: Logger;
  /** Says why clients are refused; undefined: they are welcome again. */
  readonly state?: (problem: string | undefined) => void;
}

/** What the server said when the link was negotiated (docs/protocols/client-link.md §4). */
interface Terms {
  readonly credit: number;
  readonly streams: number;
  readonly domains: ReadonlySet<string>;
  readonly limits: XmlLimits;
}

/** Our core, by the client link: all streams on the component's one XEP-0114 stream. */
export class LinkUpstream implements Upstream, LinkWriter {
  readonly name = 'client-link';
  readonly operations: OperationWriter;
  readonly #options: LinkOptions;
  readonly #streams = new Map<string, LinkStream>();
  #terms: Terms | undefined;
  /** Distinguishes the streams of this process from those of another on the same domain. */
  readonly #prefix = randomBytes(4).toString('hex');
  #opened = 0;
  /** Streams that found the link full, in the order in which they get their turn. */
  readonly #queue = new Set<LinkStream>();
  #draining = false;
  /** Control operations that found the link full: what they say is said once, and must not be lost. */
  readonly #controls: string[] = [];
  /** Streams with acknowledgements that the server may not know yet; one timer for all of them. */
  readonly #untold = new Set<LinkStream>();
  #tellTimer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { component } = options;
    this.operations = new OperationWriter(component.domain, options.serverDomain);
    component.onUp((link) => this.#negotiate(link).catch((error: unknown) => this.#refused(error)));
    component.onDown(() => this.#down());
    component.onServerMessage(NS.clientLink, (message) => this.#message(message));
  }

  get ready(): boolean {
    return this.#terms !== undefined;
  }

  /**
   * Never more than the server takes, or one client could break the link for all (§5.2). A stanza may inherit prefixes
   * from its body, which become attributes of its own: each may have half.
   */
  get limits(): XmlLimits {
    const { stanzaBytes } = this.#options;
    const theirs = this.#terms?.limits ?? { stanzaBytes, depth: 32, attributes: 32 };
    return {
      stanzaBytes: Math.min(stanzaBytes, theirs.stanzaBytes),
      depth: theirs.depth,
      attributes: Math.floor(theirs.attributes / 2),
    };
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  async start(): Promise<void> {}

  serves(domain: string): boolean {
    // While the link is down nobody knows: such a client is told that, not that its domain is unknown.
    return this.#terms === undefined || this.#terms.domains.has(domain);
  }

  open(header: ClientHeader, origin: ClientOrigin, events: UpstreamEvents): UpstreamStream {
    this.#opened++;
    const credit = this.#terms?.credit ?? creditWindow;
    const stream = new LinkStream(`${this.#prefix}-${this.#opened.toString(36)}`, this, { credit, events });
    if (this.#terms === undefined || this.#streams.size >= this.#terms.streams) {
      setImmediate(() => events.ended('remote-connection-failed'));
      return stream;
    }
    this.#streams.set(stream.name, stream);
    stream.open(header, origin);
    return stream;
  }

  async stop(): Promise<void> {
    for (const stream of [...this.#streams.values()]) stream.close('system-shutdown');
    this.#terms = undefined;
  }

  // ---- the link

  /** §4. */
  async #negotiate(link: ServerLink): Promise<void> {
    const { component, serverDomain, log } = this.#options;
    if (!link.features.has(NS.clientLink)) {
      throw new Error('the server does not offer the client link to this component');
    }
    const request = xml('link', { xmlns: NS.clientLink, min: version, max: version });
    const answer = await component.request(xml('iq', { type: 'set', to: serverDomain }, request));
    const terms = readTerms(answer.element.getChild('link', NS.clientLink));
    if (!component.server.connected) return;
    this.#terms = terms;
    const domains = [...terms.domains];
    log.info({ code: 'bosh.link-up', domains, credit: terms.credit }, 'the core takes our clients');
    this.#options.state?.(undefined);
  }

  #refused(error: unknown): void {
    const reason =
      error instanceof StanzaError ? error.condition : error instanceof Error ? error.message : '?';
    this.#options.log.error({ code: 'bosh.link-refused', reason }, 'no client link: clients are refused');
    this.#options.state?.(`no client link: ${reason}`);
  }

  /** §8.2. */
  #down(): void {
    this.#terms = undefined;
    this.#queue.clear();
    this.#controls.length = 0;
    this.#options.state?.('the link to the core is lost');
    for (const stream of [...this.#streams.values()]) stream.lost();
  }

  #message(message: Stanza): void {
    if (message.from !== this.#options.serverDomain) return;
    const operation = readOperation(message.source);
    if (operation === null) {
      this.#options.log.warn(
        { code: 'bosh.link-bad-operation' },
        'an operation of the core was not understood',
      );
      return;
    }
    const stream = this.#streams.get(operation.stream);
    if (stream !== undefined) return stream.receive(operation);
    // §8.1: a stream that is gone already; the core is told, so that it does not go on.
    if (operation.name === 'close') return;
    this.control(this.operations.write('close', operation.stream, { condition: 'item-not-found' }));
  }

  // ---- for its streams

  send(text: string): boolean {
    return this.#sendControls() && this.#options.component.send(text);
  }

  control(text: string): void {
    this.#controls.push(text);
    if (this.#sendControls()) return;
    if (this.#options.component.server.connected) this.#waitForRoom();
    else this.#controls.length = 0;
  }

  /** False: there is no room for all of them. */
  #sendControls(): boolean {
    let sent = 0;
    for (const text of this.#controls) {
      if (!this.#options.component.send(text)) break;
      sent++;
    }
    this.#controls.splice(0, sent);
    return this.#controls.length === 0;
  }

  waitForRoom(stream: LinkStream): void {
    this.#queue.add(stream);
    this.#waitForRoom();
  }

  #waitForRoom(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drain().catch((error: unknown) =>
      this.#options.log.error({ code: 'bosh.link-drain-failed', error }, 'internal error'),
    );
  }

  /** §6: in turn, one element each. */
  async #drain(): Promise<void> {
    try {
      while (this.#queue.size > 0 || this.#controls.length > 0) {
        await this.#options.component.drained();
        this.#sendControls();
        for (const stream of [...this.#queue]) {
          this.#queue.delete(stream);
          if (stream.takeTurn()) this.#queue.add(stream);
        }
      }
    } finally {
      this.#draining = false;
    }
  }

  tellLater(stream: LinkStream): void {
    this.#untold.add(stream);
    this.#tellTimer ??= setTimeout(() => {
      this.#tellTimer = undefined;
      const streams = [...this.#untold];
      this.#untold.clear();
      for (const one of streams) one.tellAcknowledged();
    }, acknowledgeMilliseconds);
  }

  gone(stream: LinkStream): void {
    this.#queue.delete(stream);
    this.#untold.delete(stream);
    this.#streams.delete(stream.name);
  }
}

function readTerms(link: Element | undefined): Terms {
  if (link === undefined || link.attrs['version'] !== version)
    throw new Error('no common version of the client link');
  const number = (name: string, otherwise: number) => {
    const text = link.attrs[name];
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
  };
  return {
    credit: number('credit', creditWindow),
    streams: number('streams', Number.MAX_SAFE_INTEGER),
    limits: {
      stanzaBytes: number('stanza-bytes', 65_536),
      depth: number('depth', 32),
      attributes: number('attributes', 32),
    },
    domains: new Set(link.getChildren('domain').map((domain) => domain.getText())),
  };
}
