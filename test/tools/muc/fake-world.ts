import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Element } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import { MucProcess } from './muc-process.js';
import { Client, type World } from './world.js';

const DOMAIN = 'shakespeare.lit';
const MUC = 'chat.shakespeare.lit';
const SECRET = 'secret';
const LIMITS = { stanzaBytes: 2 ** 20, depth: 100, attributes: 100 };

/** What comes in time; rejects when it does not. */
function within<T>(coming: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${what} came`)), 15_000);
    coming.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** The least of a server: one component link, and sessions that exist because a test says so. */
export class FakeWorld implements World<FakeClient> {
  readonly name = 'a fake server';
  readonly domain = DOMAIN;
  readonly muc = MUC;
  readonly #sessions = new Map<string, FakeClient>();
  readonly #server: Server;
  readonly #process: MucProcess;
  #socket: Socket | null = null;
  #up: (() => void)[] = [];
  /** What came for the component while it was away, as with our core's grace. */
  #held: string[] = [];
  /** Whether disco#info offers multicast. */
  readonly features: string[] = [];
  /** Stanzas for many that came. */
  multicasts = 0;
  /** Of those, which began with a `<list/>` (docs/protocols/address-lists.md): `keep 0`, `use 0`. */
  readonly lists: string[] = [];
  #kept = new Map<string, Element>();
  #accountIqs: ((iq: Stanza) => void)[] = [];
  #strangers: { readonly wanted: (stanza: Stanza) => boolean; readonly take: (stanza: Stanza) => void }[] =
    [];
  #ends: ((how: 'plain' | 'reset' | 'lost') => void)[] = [];
  /** Whether the server answers the component's pings of it. */
  answersPings = true;

  private constructor(server: Server, process: MucProcess) {
    this.#server = server;
    this.#process = process;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async start(
    environment: Record<string, string> = {},
    features: readonly string[] = [],
  ): Promise<FakeWorld> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const component = new MucProcess({
      CORE_PORT: String(port),
      CORE_DOMAIN: DOMAIN,
      MUC_DOMAIN: MUC,
      MUC_SECRET: SECRET,
      ...environment,
    });
    const world = new FakeWorld(server, component);
    world.features.push(...features);
    const up = world.#connected();
    component.start();
    await up;
    return world;
  }

  get log(): readonly string[] {
    return this.#process.log;
  }

  get folder(): string {
    return this.#process.folder;
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`muc does not come up: ${this.log.join('\n')}`)),
        10_000,
      );
      this.#up.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    const id = 'stream-1';
    let shaken = false;
    const parser = new StreamParser(
      {
        streamOpened: () => {
          socket.write(
            `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='${MUC}' id='${id}'>`,
          );
        },
        stanza: (stanza) => {
          if (stanza.name === 'error') {
            for (const end of this.#ends.splice(0)) end(stanza.text.includes('<reset ') ? 'reset' : 'lost');
            return;
          }
          if (shaken) {
            this.#route(stanza);
            return;
          }
          const expected = createHash('sha1')
            .update(id + SECRET)
            .digest('hex');
          if (stanza.element.getText() !== expected) throw new Error('wrong handshake');
          shaken = true;
          this.#kept = new Map();
          socket.write('<handshake/>');
          this.#socket = socket;
          socket.write(this.#held.join(''));
          this.#held = [];
          for (const up of this.#up.splice(0)) up();
        },
        streamClosed: () => {
          for (const end of this.#ends.splice(0)) end('plain');
          socket.end('</stream:stream>');
        },
        failed: (error) => {
          throw new Error(`the component sends bad XML: ${error.condition} ${error.text}`);
        },
      },
      LIMITS,
    );
    socket.on('data', (chunk: Buffer) => parser.write(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null;
      for (const end of this.#ends.splice(0)) end('lost');
    });
  }

  /** A stanza of the component. */
  #route(stanza: Stanza): void {
    const list = stanza.element.getChild('list', 'urn:entourage:address-lists:1');
    const own = stanza.element.getChild('addresses', 'http://jabber.org/protocol/address');
    const addresses = own ?? this.#kept.get(list?.attrs['use'] ?? '');
    if (addresses !== undefined && stanza.to === DOMAIN) {
      this.multicasts++;
      const { keep, use } = list?.attrs ?? {};
      if (keep !== undefined) this.#kept.set(keep, addresses);
      if (list !== undefined) this.lists.push(keep === undefined ? `use ${use}` : `keep ${keep}`);
      const [block = ''] =
        /(<list [^>]*>)?(<addresses .*<\/addresses>)?/s.exec(
          stanza.text.slice(stanza.text.indexOf('>') + 1),
        ) ?? [];
      const plain = Stanza.parse(stanza.text.replace(block, ''), 'jabber:component:accept');
      for (const address of addresses.getChildren('address')) {
        if (address.attrs['type'] !== 'bcc') throw new Error('an address that would be shown');
        this.#deliver(plain.readdress({ to: address.attrs['jid'] ?? '' }));
      }
      return;
    }
    this.#deliver(stanza);
  }

  #deliver(stanza: Stanza): void {
    const { to = '' } = stanza;
    if (to === DOMAIN) {
      this.#asServer(stanza);
      return;
    }
    const session = this.#sessions.get(to);
    if (session !== undefined) {
      session.deliver(stanza);
      return;
    }
    if (!to.includes(`@${DOMAIN}`)) {
      // a server that takes everything: what it answers the test says
      const takers = this.#strangers.filter(({ wanted }) => wanted(stanza));
      this.#strangers = this.#strangers.filter((one) => !takers.includes(one));
      for (const { take } of takers) take(stanza);
      return;
    }
    if (stanza.type === 'error' || stanza.type === 'result') return;
    if (stanza.name === 'iq' && !to.includes('/') && this.#accountIqs.length > 0) {
      for (const take of this.#accountIqs.splice(0)) take(stanza);
      return;
    }
    if (!to.includes('/') && stanza.name === 'message') {
      for (const one of this.#sessions.values()) if (one.bare === to) one.deliver(stanza);
    } else if (stanza.name === 'iq' || (stanza.name === 'message' && stanza.type === 'groupchat')) {
      // RFC 6121 §8.5.3.2.
      this.toComponent(
        `<${stanza.name} type='error' from='${to}' to='${stanza.from}'${stanza.id === undefined ? '' : ` id='${stanza.id}'`}><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${stanza.name}>`,
      );
    }
  }

  #asServer(stanza: Stanza): void {
    if (stanza.name !== 'iq' || (stanza.type !== 'get' && stanza.type !== 'set')) return;
    const info = stanza.payload?.namespace === 'http://jabber.org/protocol/disco#info';
    if (!info && !this.answersPings) return;
    const features = this.features.map((feature) => `<feature var='${feature}'/>`).join('');
    this.toComponent(
      `<iq type='result' from='${DOMAIN}' to='${stanza.from}' id='${stanza.id}'>${info ? `<query xmlns='http://jabber.org/protocol/disco#info'>${features}</query>` : ''}</iq>`,
    );
  }

  /** The next IQ to an account, which its server answers: the test does. */
  toAccount(): Promise<Stanza> {
    return within(new Promise((resolve) => this.#accountIqs.push(resolve)), 'IQ for an account');
  }

  /** The next stanza to another domain that is wanted. */
  toStranger(wanted: (stanza: Stanza) => boolean = () => true): Promise<Stanza> {
    const coming = new Promise<Stanza>((take) => this.#strangers.push({ wanted, take }));
    return within(coming, 'stanza for another domain');
  }

  /** How the component's stream ends. */
  disconnected(): Promise<'plain' | 'reset' | 'lost'> {
    return new Promise((resolve) => this.#ends.push(resolve));
  }

  /** Writes to the component as its server does. */
  toComponent(xml: string): void {
    if (this.#socket === null) this.#held.push(xml);
    else this.#socket.write(xml);
  }

  async login(user: string, resource: string): Promise<FakeClient> {
    const client = new FakeClient(this, `${user}@${DOMAIN}/${resource}`);
    this.#sessions.set(client.jid, client);
    return client;
  }

  forget(client: FakeClient): void {
    this.#sessions.delete(client.jid);
  }

  /** Cuts the link as a network does. */
  async cut(): Promise<void> {
    const up = this.#connected();
    this.#socket?.destroy();
    this.#socket = null;
    await up;
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process.end(signal);
    const up = this.#connected();
    this.#process.start();
    await up;
  }

  /** Ends the process without starting it again. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    return this.#process.end(signal);
  }

  async begin(): Promise<void> {
    const up = this.#connected();
    this.#process.start();
    await up;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.#socket?.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

class FakeClient extends Client {
  readonly #world: FakeWorld;
  /** Answers pings as clients do; off, pings are read like anything else. */
  answersPings = true;

  constructor(world: FakeWorld, jid: string) {
    super(jid);
    this.#world = world;
  }

  deliver(stanza: Stanza): void {
    if (
      this.answersPings &&
      stanza.name === 'iq' &&
      stanza.type === 'get' &&
      stanza.payload?.namespace === 'urn:xmpp:ping'
    ) {
      this.send(`<iq type='result' to='${stanza.from}' id='${stanza.id}'/>`);
      return;
    }
    this.receive(stanza);
  }

  send(xml: string): void {
    const stanza = Stanza.parse(xml.trim());
    this.#world.toComponent(stanza.readdress({ from: this.jid }).text);
  }

  /** Gone without a word: the server knows the session no more. */
  vanish(): void {
    this.#world.forget(this);
  }

  async close(): Promise<void> {
    this.vanish();
  }
}
