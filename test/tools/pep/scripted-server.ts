import { createServer, type Server, type Socket } from 'node:net';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import { within } from '../fake-server.js';
import { PUBSUB } from './pubsub.js';

const LIMITS = { stanzaBytes: 16 * 2 ** 20, depth: 500, attributes: 500 };
export const ALL_GRANTS =
  "<perm access='roster' type='get'/><perm access='message' type='outgoing'/><perm access='presence' type='roster'/>" +
  "<perm access='iq'><namespace ns='http://jabber.org/protocol/disco#info' type='get'/></perm>";

export interface ScriptedServerOptions {
  /** The privileges that it grants, as `<perm/>` elements. */
  readonly grants?: string;
  /** The items of an account's roster. */
  readonly roster?: (account: string) => string;
  /** The content of a client's disco#info; undefined for no answer. */
  readonly info?: (client: string, node: string) => string | undefined;
}

/**
 * A server of the domain `capulet.lit` with as many accounts as one likes, none of which exist: it grants, answers roster
 * and capability questions by a script, and keeps what the pep component sends in accounts' names.
 */
export class ScriptedServer {
  readonly #server: Server;
  readonly #options: ScriptedServerOptions;
  #socket: Socket | null = null;
  readonly #answers = new Map<string, (answer: Stanza) => void>();
  #sequence = 0;
  #waiting: { fits: () => boolean; done: () => void }[] = [];
  /** Messages in accounts' names, unwrapped, as text. */
  messages: string[] = [];
  keepMessages = true;
  messageCount = 0;
  rosterGets = 0;
  /** Who was asked for capabilities, and as whom. */
  readonly infoGets: { readonly to: string; readonly from: string }[] = [];
  /** What follows the grants on each new stream. */
  afterHandshake = '';
  /** IQs of the component that were none of these. */
  otherIqs = 0;

  private constructor(options: ScriptedServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(options: ScriptedServerOptions): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(options);
    await new Promise<void>((resolve) => scripted.#server.listen(0, '127.0.0.1', resolve));
    return scripted;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('not listening');
    return address.port;
  }

  send(text: string): void {
    this.#socket?.write(text);
  }

  /** Presence of anybody, as the presence privilege tells it. */
  presence(from: string, content: string, type?: string): void {
    this.send(
      `<presence from='${from}' to='pep.capulet.lit'${type === undefined ? '' : ` type='${type}'`}>${content}</presence>`,
    );
  }

  /** A delegated IQ; resolves with the inner answer's text. */
  async delegated(type: 'get' | 'set', from: string, to: string, payload: string): Promise<string> {
    this.#sequence += 1;
    const id = `d${this.#sequence}`;
    const answered = new Promise<Stanza>((resolve) => this.#answers.set(id, resolve));
    this.send(
      `<iq type='set' id='${id}' from='capulet.lit' to='pep.capulet.lit'><delegation xmlns='urn:xmpp:delegation:2'>` +
        `<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' type='${type}' id='x' from='${from}' to='${to}'>` +
        `${payload}</iq></forwarded></delegation></iq>`,
    );
    return (await within(answered, 'the answer to a delegated request', 20_000)).text;
  }

  /** Resolves when something is so; looked at whenever the component has sent something. */
  until(fits: () => boolean, what: string, milliseconds = 20_000): Promise<void> {
    if (fits()) return Promise.resolve();
    return within(new Promise((done) => this.#waiting.push({ fits, done })), what, milliseconds);
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    const parser = new StreamParser(
      {
        streamOpened: () =>
          this.send(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' " +
              "xmlns:stream='http://etherx.jabber.org/streams' from='pep.capulet.lit' id='s1'>",
          ),
        stanza: (stanza) => this.#receive(stanza),
        streamClosed: () => socket.end('</stream:stream>'),
        failed: (error) => {
          throw new Error(`the component sends bad XML: ${error.text}`);
        },
      },
      LIMITS,
    );
    socket.on('data', (data: Buffer) => {
      parser.write(data);
      this.#look();
    });
    socket.on('error', () => undefined);
  }

  #receive(stanza: Stanza): void {
    if (stanza.name === 'handshake') this.#established();
    else if (stanza.name === 'message') {
      this.messageCount += 1;
      const inner = stanza.element.getChildElements()[0]?.getChildElements()[0]?.getChildElements()[0];
      if (this.keepMessages) this.messages.push(String(inner ?? stanza.text));
    } else if (stanza.name === 'iq') this.#iq(stanza);
  }

  #established(): void {
    const from = "from='capulet.lit' to='pep.capulet.lit'";
    this.send(
      `<handshake/><message ${from}><delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='${PUBSUB}'/>` +
        `<delegated namespace='${PUBSUB}#owner'/></delegation></message>` +
        `<message ${from}><privilege xmlns='urn:xmpp:privilege:2'>${this.#options.grants ?? ALL_GRANTS}</privilege></message>${this.afterHandshake}`,
    );
  }

  #iq(iq: Stanza): void {
    if (iq.type === 'result' || iq.type === 'error') {
      const answer = this.#answers.get(iq.id ?? '');
      this.#answers.delete(iq.id ?? '');
      answer?.(iq);
      return;
    }
    const reply = (content: string): void =>
      this.send(`<iq type='result' id='${iq.id}' from='${iq.to}' to='${iq.from}'>${content}</iq>`);
    const { payload } = iq;
    if (payload?.namespace === 'jabber:iq:roster') {
      this.rosterGets += 1;
      reply(`<query xmlns='jabber:iq:roster'>${this.#options.roster?.(iq.to ?? '') ?? ''}</query>`);
    } else if (payload?.name === 'privileged_iq') this.#privileged(iq, reply);
    else if (payload?.namespace === 'http://jabber.org/protocol/disco#info') {
      if (iq.to === 'capulet.lit') return reply("<query xmlns='http://jabber.org/protocol/disco#info'/>");
      this.infoGets.push({ to: iq.to ?? '', from: iq.from ?? '' });
      const node = iq.element.getChildElements()[0]?.attrs['node'] ?? '';
      const info = this.#options.info?.(iq.to ?? '', node);
      if (info !== undefined) reply(info);
    } else {
      this.otherIqs += 1;
      reply('');
    }
  }

  #privileged(iq: Stanza, reply: (content: string) => void): void {
    const inner = iq.element.getChildElements()[0]?.getChildElements()[0];
    const { to = '', from = iq.to ?? '', id = '' } = inner?.attrs ?? {};
    this.infoGets.push({ to, from });
    const info = this.#options.info?.(to, inner?.getChildElements()[0]?.attrs['node'] ?? '');
    if (info === undefined) return;
    reply(
      "<privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
        `<iq xmlns='jabber:client' type='result' id='${id}' from='${to}' to='${from}'>${info}</iq></forwarded></privilege>`,
    );
  }

  #look(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ fits }) => !fits());
    for (const { fits, done } of waiting) if (fits()) done();
  }
}
