import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { StreamParser } from '../../shared/xml/stream-parser.js';
import { assertSame } from './canonical.js';

const WAIT_MILLISECONDS = 8000;

/** What a stream delivered: its header, an element, its end, or the loss of the connection. */
type Received =
  | { readonly kind: 'header'; readonly header: StreamHeader }
  | { readonly kind: 'element'; readonly stanza: Stanza }
  | { readonly kind: 'closed' }
  | { readonly kind: 'lost' };

/** A client that says exactly what the test says, and hears everything in order. */
export class RawClient {
  socket: Socket | TLSSocket;
  /** The full JID once bound. */
  jid = '';
  readonly received: Received[] = [];
  /** All that came, as text. */
  transcript = '';
  #parser: StreamParser;
  #wake: (() => void)[] = [];
  #pings = 0;

  private constructor(socket: Socket | TLSSocket) {
    this.socket = socket;
    this.#parser = this.#newParser();
    this.#listen();
  }

  static async connect(host: string, port: number): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  static async connectTls(options: ConnectionOptions): Promise<RawClient> {
    const socket = connectTls({ rejectUnauthorized: false, ...options });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  /** A connection that was accepted, for tests that are the server. */
  static over(socket: Socket): RawClient {
    return new RawClient(socket);
  }

  /** Goes on over another socket (TLS on top of the present one), with a new stream. */
  continueOver(socket: Socket | TLSSocket): void {
    this.socket = socket;
    this.#restartParser();
    this.#listen();
  }

  /** The peer begins a new stream next. */
  expectRestart(): void {
    this.#restartParser();
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Opens a stream and returns the features (null for a server before XMPP 1.0). */
  async open(domain: string, options: { namespace?: string; attributes?: string } = {}): Promise<Stanza> {
    this.#restartParser();
    this.send(
      `<?xml version='1.0'?><stream:stream xmlns='${options.namespace ?? 'jabber:client'}' ` +
        `xmlns:stream='http://etherx.jabber.org/streams' to='${domain}' version='1.0' ${options.attributes ?? ''}>`,
    );
    await this.header();
    return this.element('stream:features');
  }

  /** STARTTLS, then a new stream; returns its features. */
  async startTls(domain: string, options: ConnectionOptions = {}, behind = ''): Promise<Stanza> {
    this.send(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${behind}`);
    await this.element('proceed');
    const plain = this.socket;
    plain.removeAllListeners();
    const secure = connectTls({
      socket: plain as Socket,
      rejectUnauthorized: false,
      servername: domain,
      ...options,
    });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
    this.socket = secure;
    this.#listen();
    return this.open(domain);
  }

  /** Opens, authenticates with PLAIN and binds. */
  async login(user: string, password: string, domain: string, resource: string | null): Promise<void> {
    await this.open(domain);
    await this.authenticate(user, password, domain);
    await this.bind(resource);
  }

  async authenticate(user: string, password: string, domain: string): Promise<Stanza> {
    const message = Buffer.from(`\0${user}\0${password}`).toString('base64');
    this.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${message}</auth>`);
    const answer = await this.element();
    assert.equal(answer.name, 'success', answer.source);
    return this.open(domain);
  }

  async bind(resource: string | null): Promise<string> {
    const wanted = resource === null ? '' : `<resource>${resource}</resource>`;
    this.send(
      `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${wanted}</bind></iq>`,
    );
    const answer = await this.element('iq');
    assert.equal(answer.type, 'result', answer.source);
    this.jid = answer.element.getChild('bind')?.getChildText('jid') ?? '';
    return this.jid;
  }

  /** Asks for the roster and sends initial presence; waits until it is reflected. */
  async goOnline(presence = '<presence/>'): Promise<void> {
    this.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
    await this.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'roster');
    this.send(presence);
    await this.stanza(
      (stanza) => stanza.name === 'presence' && stanza.from === this.jid && stanza.type === undefined,
    );
  }

  /** The next thing of any kind, in order. */
  async next(milliseconds = WAIT_MILLISECONDS): Promise<Received> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const first = this.received.shift();
      if (first !== undefined) return first;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`nothing came in time; so far: ${this.transcript.slice(-2000)}`);
      await this.#more(left);
    }
  }

  async header(): Promise<StreamHeader> {
    const next = await this.next();
    if (next.kind !== 'header') throw new Error(`expected a stream header, got ${describe(next)}`);
    return next.header;
  }

  /** The next element, which must be the one named (any when no name is given). */
  async element(name?: string): Promise<Stanza> {
    const next = await this.next();
    if (next.kind !== 'element') throw new Error(`expected <${name ?? 'anything'}/>, got ${describe(next)}`);
    const local = name?.replace(/^.*:/, '');
    if (local !== undefined && next.stanza.name !== local) {
      throw new Error(`expected <${name}/>, got ${next.stanza.source}`);
    }
    return next.stanza;
  }

  /** The first stanza that fits, leaving all others in place and in order. */
  async stanza(fits: (stanza: Stanza) => boolean, milliseconds = WAIT_MILLISECONDS): Promise<Stanza> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const index = this.received.findIndex((item) => item.kind === 'element' && fits(item.stanza));
      const found = this.received[index];
      if (found?.kind === 'element') {
        this.received.splice(index, 1);
        return found.stanza;
      }
      const left = end - performance.now();
      if (left <= 0) {
        throw new Error(`what was expected did not come; waiting: ${this.received.map(describe).join('\n')}`);
      }
      await this.#more(left);
    }
  }

  /** The next element equals `expected`: the same tree, attributes in any order. `*` as a value fits any value. */
  async expect(expected: string): Promise<Stanza> {
    const stanza = await this.element();
    assertSame(stanza, expected);
    return stanza;
  }

  /** Sends an IQ and returns its answer; everything else that comes stays in place. */
  async iq(type: 'get' | 'set', payload: string, to?: string, id = `iq${++this.#pings}`): Promise<Stanza> {
    this.send(`<iq type='${type}' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`);
    return this.stanza(
      (stanza) => stanza.name === 'iq' && stanza.id === id && stanza.type !== 'set' && stanza.type !== 'get',
    );
  }

  /** A barrier: when it returns, all that the server had to say because of earlier stanzas of this client has come. */
  async ping(): Promise<void> {
    await this.iq(
      'get',
      "<ping xmlns='urn:xmpp:ping'/>",
      this.jid.replace(/^[^@]*@/, '').replace(/\/.*$/, ''),
    );
  }

  /** Nothing but what was already taken has come once a ping is answered. */
  async expectNothing(): Promise<void> {
    await this.ping();
    assert.deepEqual(this.received.map(describe), []);
  }

  /** The stream ends with this error, then its closing tag, then the connection. */
  async expectStreamError(condition: string): Promise<Stanza> {
    const error = await this.element('error');
    assert.equal(error.namespace, 'http://etherx.jabber.org/streams', error.source);
    assert.ok(error.hasChild(condition, 'urn:ietf:params:xml:ns:xmpp-streams'), error.source);
    const closed = await this.next();
    assert.equal(closed.kind, 'closed');
    const lost = await this.next();
    assert.equal(lost.kind, 'lost');
    return error;
  }

  /** Closes the stream in order and waits for the end. */
  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    this.send('</stream:stream>');
    const end = performance.now() + 4000;
    while (!this.received.some((item) => item.kind === 'lost') && performance.now() < end)
      await this.#more(500);
    this.socket.destroy();
  }

  /** What the client's end has for the channel binding tls-exporter (RFC 9266). */
  exportKeyingMaterial(): Buffer {
    return (this.socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  }

  /** What the client's end has for the channel binding tls-unique (RFC 5929 §3). */
  finished(): Buffer | undefined {
    return (this.socket as TLSSocket).getFinished();
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.destroy();
  }

  #more(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #push(item: Received): void {
    this.received.push(item);
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #listen(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.transcript += chunk.toString();
      this.#parser.write(chunk);
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.#push({ kind: 'lost' }));
  }

  #restartParser(): void {
    this.#parser = this.#newParser();
  }

  #newParser(): StreamParser {
    return new StreamParser(
      {
        streamOpened: (header) => this.#push({ kind: 'header', header }),
        stanza: (stanza) => this.#push({ kind: 'element', stanza }),
        streamClosed: () => this.#push({ kind: 'closed' }),
        failed: (error) =>
          this.#push({
            kind: 'element',
            stanza: Stanza.parse(`<unreadable>${error.condition}</unreadable>`),
          }),
      },
      { stanzaBytes: 16 * 1024 * 1024, depth: 500, attributes: 500 },
    );
  }
}

function describe(item: Received): string {
  if (item.kind === 'element') return item.stanza.source;
  return item.kind === 'header' ? '(header)' : `(${item.kind})`;
}
