import assert from 'node:assert/strict';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { canonical, compare } from './canonical.js';

const WAIT_MILLISECONDS = 8_000;

/** A muc service behind some server, and users of that server. The same conversations run in every world. */
export interface World<C extends Client = Client> {
  readonly name: string;
  /** The server's domain. */
  readonly domain: string;
  /** The service's domain. */
  readonly muc: string;
  /** A user who is online, with a session of its own. */
  login(user: string, resource: string): Promise<C>;
  /** Ends the muc process (`SIGKILL` or `SIGTERM`) and starts it again; resolves when it serves. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  stop(): Promise<void>;
}

/** One session. Stanzas are read one after the other, each compared as a whole. */
export abstract class Client {
  readonly jid: string;
  readonly bare: string;
  readonly #received: Stanza[] = [];
  #waiting: ((stanza: Stanza) => void) | null = null;
  #ids = 0;

  constructor(jid: string) {
    this.jid = jid;
    this.bare = jid.slice(0, jid.indexOf('/'));
  }

  abstract send(xml: string): void;
  /** Ends the session as a client does that goes offline. */
  abstract close(): Promise<void>;

  protected receive(stanza: Stanza): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#received.push(stanza);
    else waiting(stanza);
  }

  /** The next stanza, whatever it is. */
  next(what = 'a stanza'): Promise<Stanza> {
    const ready = this.#received.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = null;
        reject(new Error(`${this.jid} waited in vain for ${what}`));
      }, WAIT_MILLISECONDS);
      this.#waiting = (stanza) => {
        clearTimeout(timer);
        resolve(stanza);
      };
    });
  }

  /** The next stanzas are exactly these, in this order. */
  async expect(...stanzas: string[]): Promise<Stanza> {
    let last: Stanza | undefined;
    for (const expected of stanzas) {
      last = await this.next(canonical(expected));
      const { same, actual, expected: wanted } = compare(last, expected);
      if (!same) assert.equal(actual, wanted, `what ${this.jid} received`);
    }
    if (last === undefined) throw new Error('nothing expected');
    return last;
  }

  /** Everything up to and with the first that `matches`; that one is returned. */
  async until(matches: (stanza: Stanza) => boolean, what = 'a matching stanza'): Promise<Stanza> {
    for (;;) {
      const stanza = await this.next(what);
      if (matches(stanza)) return stanza;
    }
  }

  /** Sends and reads the answer, which is next. */
  async ask(xml: string, ...answer: string[]): Promise<Stanza> {
    this.send(xml);
    return this.expect(...answer);
  }

  /** Nothing more has come for this session from the room: what the room answers now is next. */
  async nothing(room: string): Promise<void> {
    const id = `nothing-${++this.#ids}`;
    this.send(`<iq type='get' id='${id}' to='${room}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    const answer = await this.next('the answer to a ping');
    assert.equal(answer.id, id, `${this.jid} received more than expected: ${canonical(answer)}`);
  }

  /** Enters with everything read up to the subject; the codes of the self-presence. */
  async join(room: string, nick: string, inner = ''): Promise<string[]> {
    this.send(
      `<presence to='${room}/${nick}'><x xmlns='http://jabber.org/protocol/muc'>${inner}</x></presence>`,
    );
    const self = await this.until(
      (stanza) =>
        stanza.name === 'presence' && (stanza.from === `${room}/${nick}` || stanza.type === 'error'),
      `entering ${room}`,
    );
    if (self.type === 'error') throw new Error(`not let in: ${canonical(self)}`);
    await this.until((stanza) => stanza.hasChild('subject', 'jabber:client'), 'the subject');
    const x = self.element.getChild('x', 'http://jabber.org/protocol/muc#user');
    return (x?.getChildren('status') ?? []).map((status) => status.attrs['code'] ?? '');
  }

  /** Drops what has come so far; the room has nothing more under way for this session. */
  async skip(room: string): Promise<void> {
    const id = `skip-${++this.#ids}`;
    this.send(`<iq type='get' id='${id}' to='${room}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await this.until((stanza) => stanza.id === id, 'the answer to a ping');
  }

  /** Opens a room just created to everybody (§10.1.2), or with these fields. */
  async configure(room: string, fields: Record<string, string | readonly string[]> = {}): Promise<void> {
    const id = `configure-${++this.#ids}`;
    const form = Object.entries(fields)
      .map(([name, value]) => {
        const values = typeof value === 'string' ? [value] : value;
        return `<field var='${name}'>${values.map((one) => `<value>${one}</value>`).join('')}</field>`;
      })
      .join('');
    this.send(
      `<iq type='set' id='${id}' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>${form}</x></query></iq>`,
    );
    const answer = await this.until((stanza) => stanza.id === id, 'the result of the configuration');
    assert.equal(answer.type, 'result', canonical(answer));
  }
}
