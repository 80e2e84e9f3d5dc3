import { createHash } from 'node:crypto';
import { type Operation, readOperation } from '../../shared/client-link/operations.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { RawClient } from './raw-client.js';

const namespace = 'urn:entourage:client-link:1';

/** The front's end of a client link, said by hand. */
export class LinkFront {
  readonly raw: RawClient;
  readonly domain: string;
  readonly server: string;

  private constructor(raw: RawClient, domain: string, server: string) {
    this.raw = raw;
    this.domain = domain;
    this.server = server;
  }

  /** A component's stream after its handshake; no link is negotiated yet. */
  static async connect(
    address: { host: string; port: number },
    domain: string,
    secret: string,
    server = 'localhost',
  ): Promise<LinkFront> {
    const raw = await RawClient.connect(address.host, address.port);
    raw.send(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' " +
        `xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`,
    );
    const { id } = await raw.header();
    raw.send(`<handshake>${createHash('sha1').update(`${id}${secret}`).digest('hex')}</handshake>`);
    await raw.stanza((stanza) => stanza.name === 'handshake');
    return new LinkFront(raw, domain, server);
  }

  /** Sends an IQ to the server; resolves with the answer. */
  async iq(type: 'get' | 'set', payload: string): Promise<Stanza> {
    this.raw.send(`<iq type='${type}' id='q' from='${this.domain}' to='${this.server}'>${payload}</iq>`);
    return this.raw.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'q');
  }

  negotiate(min = 1, max = 1): Promise<Stanza> {
    return this.iq('set', `<link xmlns='${namespace}' min='${min}' max='${max}'/>`);
  }

  /** Sends one operation; `content` is what is inside it. */
  say(name: string, attributes: Readonly<Record<string, string | number>>, content = ''): void {
    const written = Object.entries(attributes).map(([key, value]) => ` ${key}='${value}'`);
    this.raw.send(
      `<message from='${this.domain}' to='${this.server}'><${name} xmlns='${namespace}'${written.join('')}>${content}</${name}></message>`,
    );
  }

  open(stream: string, attributes: Readonly<Record<string, string | number>> = {}): void {
    const usual = { to: this.server, version: '1.0', address: '192.0.2.7', secure: 'true', credit: 65_536 };
    this.say('open', { stream, ...usual, ...attributes });
  }

  data(stream: string, element: string): void {
    this.say('data', { stream }, element);
  }

  /** The next operation for a stream, of that name if one is given; others stay in place. */
  async operation(stream: string, name?: string): Promise<Operation> {
    const fits = (stanza: Stanza) => {
      const operation = stanza.payload?.namespace === namespace ? readOperation(stanza.source) : null;
      return operation?.stream === stream && (name === undefined || operation.name === name);
    };
    const found = readOperation((await this.raw.stanza(fits)).source);
    if (found === null) throw new Error('unreachable');
    return found;
  }

  /** The next `data` whose content matches. */
  async content(stream: string, pattern: RegExp): Promise<string> {
    const { content } = await this.operation(stream, 'data');
    if (!pattern.test(content)) throw new Error(`expected ${pattern}, got ${content}`);
    return content;
  }

  /** Opens a stream, authenticates with PLAIN (which the core must allow) and binds; resolves with the JID. */
  async login(
    stream: string,
    user: string,
    attributes: Readonly<Record<string, string | number>> = {},
  ): Promise<string> {
    this.open(stream, attributes);
    await this.operation(stream, 'opened');
    await this.content(stream, /features/);
    const secret = Buffer.from(`\0${user}\0secret`).toString('base64');
    this.data(stream, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`);
    await this.content(stream, /^<success/);
    this.say('restart', { stream, to: this.server, version: '1.0' });
    await this.operation(stream, 'opened');
    await this.content(stream, /urn:ietf:params:xml:ns:xmpp-bind/);
    this.data(
      stream,
      `<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${stream}</resource></bind></iq>`,
    );
    const bound = await this.content(stream, /type='result'/);
    return /<jid>([^<]+)<\/jid>/.exec(bound)?.[1] ?? '';
  }
}
