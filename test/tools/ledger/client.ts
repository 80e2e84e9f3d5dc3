import { connect, type Socket } from 'node:net';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import type { Address } from '../core-harness.js';

const LIMITS = { stanzaBytes: 16 * 1024 * 1024, depth: 200, attributes: 200 };
const NEGOTIATION_MILLISECONDS = 20_000;
const SM = 'urn:xmpp:sm:3';

/** Something sent that the server has not acknowledged yet (XEP-0198). */
interface Sent {
  readonly text: string;
  readonly id: string | null;
}

interface LedgerClientOptions {
  readonly address: () => Address;
  readonly user: string;
  readonly resource: string;
  readonly password?: string;
  /** XEP-0198 with resumption. Default true. */
  readonly managed?: boolean;
  /** Source address, where many sessions would use up the ports of one. */
  readonly localAddress?: string;
  /** How long to wait before coming back, in milliseconds; default 100 to 500. */
  readonly pause?: () => number;
  /** Whatever came but answers to its own IQs. */
  readonly stanza?: (stanza: Stanza) => void;
  /** The content of the result to a request; null: it is refused. Pings and pushes are answered anyway. */
  readonly answer?: (request: Stanza) => string | null;
  /** The server has acknowledged what was sent under this id. */
  readonly acknowledged?: (id: string) => void;
  /** The session is gone, and with it the hope for an acknowledgement of this. */
  readonly uncertain?: (id: string) => void;
  /** A stream is up: of a new session, or of the resumed one. */
  readonly up?: (resumed: boolean) => void;
  /** The stream is lost. */
  readonly down?: () => void;
}

/**
 * A client that lives through everything: comes back when its stream is lost, resumes its session where it can, and says of
 * each stanza it sent whether the server has acknowledged it. Keeps nothing of what it received.
 */
export class LedgerClient {
  readonly jid: string;
  readonly bare: string;
  readonly #options: LedgerClientOptions;
  #socket: Socket | null = null;
  #parser: StreamParser | null = null;
  #awaiting: ((stanza: Stanza | null) => void) | null = null;
  #early: Stanza[] = [];
  #bound = false;
  #stopped = false;
  #leaving = false;
  #lost: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #resumption: string | null = null;
  #received = 0;
  #sent: Sent[] = [];
  #acknowledgedCount = 0;
  #requests = new Map<string, (answer: Stanza | null) => void>();
  #sequence = 0;
  #reasons: string[] = [];
  /** Streams that came up so far. */
  ups = 0;

  constructor(options: LedgerClientOptions) {
    this.#options = options;
    this.bare = `${options.user}@localhost`;
    this.jid = `${this.bare}/${options.resource}`;
  }

  get online(): boolean {
    return this.#bound;
  }

  /** The last few reasons why it could not come up. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  /** Begins; resolves when the first stream is up. */
  async start(): Promise<void> {
    this.#stopped = false;
    this.#leaving = false;
    const first = new Promise<void>((resolve) => {
      this.#firstUp = resolve;
    });
    this.#running = this.#live();
    await first;
  }
  #firstUp: (() => void) | null = null;

  /** Ends the session: in order, or leaving everything as it is. */
  async stop(orderly = true): Promise<void> {
    this.#stopped = true;
    const socket = this.#socket;
    if (orderly && this.#bound && socket !== null) {
      this.#leaving = true;
      // what it has is acknowledged before it leaves: it is not to be stored for it again
      if (this.#options.managed !== false) socket.write(`<a xmlns='${SM}' h='${this.#received}'/>`);
      socket.end('</stream:stream>');
      const late = setTimeout(() => socket.destroy(), 5000);
      await this.#running;
      clearTimeout(late);
    } else {
      socket?.destroy();
      await this.#running;
    }
    if (orderly) this.#sessionGone();
  }

  /** Breaks the connection without a word. It comes back. */
  cut(): void {
    this.#socket?.destroy();
  }

  /** Sends a stanza; `id` is what {@link LedgerClientOptions.acknowledged} will be told. False: no stream now. */
  send(text: string, id: string | null = null): boolean {
    const socket = this.#socket;
    if (!this.#bound || socket === null) return false;
    if (this.#options.managed === false) socket.write(text);
    else {
      this.#sent.push({ text, id });
      socket.write(`${text}<r xmlns='${SM}'/>`);
    }
    return true;
  }

  /** An IQ and its answer; null when the session went before that, or after 60 s. */
  iq(type: 'get' | 'set', payload: string, to?: string): Promise<Stanza | null> {
    this.#sequence++;
    const id = `q${this.#sequence}`;
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(null), 60_000);
      const done = (answer: Stanza | null): void => {
        clearTimeout(timer);
        this.#requests.delete(id);
        resolve(answer);
      };
      this.#requests.set(id, done);
      const address = to === undefined ? '' : ` to='${to}'`;
      if (!this.send(`<iq type='${type}' id='${id}'${address}>${payload}</iq>`)) done(null);
    });
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#connect();
        await this.#negotiate();
        this.ups++;
        this.#firstUp?.();
        this.#firstUp = null;
        await new Promise<void>((resolve) => {
          this.#lost = resolve;
          if (this.#socket === null || this.#socket.destroyed) resolve();
        });
      } catch (error) {
        this.#reasons.push(error instanceof Error ? error.message : String(error));
        if (this.#reasons.length > 5) this.#reasons.shift();
      }
      this.#socket?.destroy();
      this.#socket = null;
      if (this.#bound) {
        this.#bound = false;
        this.#options.down?.();
        if (this.#resumption === null) this.#sessionGone();
      }
      if (this.#stopped) break;
      const pause = this.#options.pause?.() ?? 100 + Math.random() * 400;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #connect(): Promise<void> {
    const { host, port } = this.#options.address();
    const { localAddress } = this.#options;
    const socket = connect({ host, port, noDelay: true, ...(localAddress ? { localAddress } : {}) });
    this.#socket = socket;
    this.#early = [];
    this.#lost = null;
    socket.on('data', (chunk: Buffer) => this.#parser?.write(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#lost?.();
      this.#awaiting?.(null);
    });
    socket.setTimeout(120_000, () => socket.destroy());
    return new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was given up')));
    });
  }

  #open(): Promise<Stanza> {
    this.#parser?.stop();
    this.#parser = new StreamParser(
      {
        streamOpened: () => {},
        stanza: (stanza) => this.#arrived(stanza),
        streamClosed: () => this.#socket?.end(),
        failed: () => this.#socket?.destroy(),
      },
      LIMITS,
    );
    this.#socket?.write(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='localhost' version='1.0' " +
        "xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    return this.#next('features');
  }

  async #next(...names: string[]): Promise<Stanza> {
    const stanza = this.#early.shift() ?? (await this.#arrival());
    if (stanza === null) throw new Error('the connection was lost while it was negotiated');
    if (!names.includes(stanza.name)) throw new Error(`expected ${names.join(' or ')}: ${stanza.source}`);
    return stanza;
  }

  #arrival(): Promise<Stanza | null> {
    if (this.#socket === null || this.#socket.destroyed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#socket?.destroy(), NEGOTIATION_MILLISECONDS);
      this.#awaiting = (stanza) => {
        clearTimeout(timer);
        this.#awaiting = null;
        resolve(stanza);
      };
    });
  }

  #arrived(stanza: Stanza): void {
    // it has said what it has: the rest is for the next session
    if (this.#leaving && stanza.namespace !== SM) return;
    if (this.#bound) return this.#handle(stanza);
    if (this.#awaiting !== null) this.#awaiting(stanza);
    else this.#early.push(stanza);
  }

  async #negotiate(): Promise<void> {
    const { user, resource, password = 'secret', managed = true } = this.#options;
    await this.#open();
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64');
    this.#socket?.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await this.#next('success');
    await this.#open();
    if (this.#resumption !== null) {
      this.#socket?.write(`<resume xmlns='${SM}' previd='${this.#resumption}' h='${this.#received}'/>`);
      const answer = await this.#next('resumed', 'failed');
      const h = answer.attribute('h');
      if (h !== undefined) this.#acknowledge(Number(h));
      if (answer.name === 'resumed') return this.#resumed();
      this.#resumption = null;
      this.#sessionGone();
    }
    this.#socket?.write(
      "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" +
        `<resource>${resource}</resource></bind></iq>`,
    );
    const bound = await this.#next('iq');
    if (bound.type !== 'result') throw new Error(`not bound: ${bound.source}`);
    if (managed) {
      this.#socket?.write(`<enable xmlns='${SM}' resume='true'/>`);
      const enabled = await this.#next('enabled');
      this.#resumption = enabled.attribute('id') ?? null;
      this.#received = 0;
      this.#acknowledgedCount = 0;
    }
    this.#begin(false);
  }

  #resumed(): void {
    this.#bound = true;
    // what the server has not handled is sent again (XEP-0198 §5)
    for (const { text } of this.#sent) this.#socket?.write(text);
    this.#socket?.write(`<r xmlns='${SM}'/>`);
    this.#begin(true);
  }

  #begin(resumed: boolean): void {
    this.#bound = true;
    this.#options.up?.(resumed);
    for (const stanza of this.#early.splice(0)) this.#handle(stanza);
  }

  #handle(stanza: Stanza): void {
    if (stanza.namespace === SM) {
      if (stanza.name === 'r') this.#socket?.write(`<a xmlns='${SM}' h='${this.#received}'/>`);
      else if (stanza.name === 'a') this.#acknowledge(Number(stanza.attribute('h')));
      return;
    }
    if (stanza.name === 'error' && stanza.namespace === 'http://etherx.jabber.org/streams') {
      this.#reasons.push(stanza.source);
      return;
    }
    this.#received++;
    if (
      stanza.name === 'iq' &&
      stanza.id !== undefined &&
      (stanza.type === 'result' || stanza.type === 'error')
    ) {
      const done = this.#requests.get(stanza.id);
      if (done !== undefined) return done(stanza);
    }
    if (stanza.name === 'iq' && (stanza.type === 'get' || stanza.type === 'set')) this.#answer(stanza);
    this.#options.stanza?.(stanza);
  }

  /** Pings are answered, pushes accepted, all else refused. */
  #answer(stanza: Stanza): void {
    const to = stanza.from === undefined ? '' : ` to='${stanza.from}'`;
    const known = stanza.type === 'set' || stanza.payload?.namespace === 'urn:xmpp:ping';
    const content = known ? '' : (this.#options.answer?.(stanza) ?? null);
    this.send(
      content !== null
        ? `<iq type='result' id='${stanza.id}'${to}>${content}</iq>`
        : `<iq type='error' id='${stanza.id}'${to}><error type='cancel'>` +
            "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
  }

  #acknowledge(h: number): void {
    const count = h - this.#acknowledgedCount;
    this.#acknowledgedCount = h;
    for (const { id } of this.#sent.splice(0, Math.max(0, count)))
      if (id !== null) this.#options.acknowledged?.(id);
  }

  /** Nothing more will be heard of what this session sent. */
  #sessionGone(): void {
    this.#resumption = null;
    for (const { id } of this.#sent.splice(0)) if (id !== null) this.#options.uncertain?.(id);
    for (const done of [...this.#requests.values()]) done(null);
  }
}

/** The text of a stanza's child with this name, anywhere in it. */
export function textOf(stanza: Stanza, name: string): string | null {
  return new RegExp(`<${name}[^>]*>([^<]*)</${name}>`).exec(stanza.source)?.[1] ?? null;
}
