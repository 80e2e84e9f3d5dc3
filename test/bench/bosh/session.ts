import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';

/** How long one request of a log-in may take: none of the servers holds one longer than a minute. */
const patienceMilliseconds = 90_000;
const derive = promisify(pbkdf2);

/** All sockets read into one buffer, since what is read is looked at before the next read: no allocation per read. */
const shared = Buffer.allocUnsafe(65_536);

/**
 * A BOSH client that costs the machine as little as may be, since it shares its cores with the server under test: one
 * keep-alive connection, one request at a time, and as much HTTP as the responses of the measured servers need.
 */
export class BoshSession {
  readonly user: string;
  jid = '';
  /** Hears the body of each response. */
  received: (body: string) => void = ignore;
  readonly #port: number;
  #socket: Socket | undefined;
  #rid = 1_000_000 + Math.floor(Math.random() * 1e9);
  #start = '';
  #partial = '';

  constructor(port: number, user: string) {
    this.#port = port;
    this.user = user;
  }

  /** The session's body with an element in it, or an empty one. */
  send(payload: string): void {
    this.#post(`${this.#start}${this.#rid++}'>${payload}</body>`);
  }

  close(): void {
    this.received = ignore;
    this.#socket?.destroy();
  }

  /** Only the connection: for the control, which knows no sessions. */
  async open(): Promise<void> {
    await this.#connect();
    this.#start = `<body xmlns='http://jabber.org/protocol/httpbind' sid='${this.user}' rid='`;
    this.jid = this.user;
  }

  async register(): Promise<void> {
    await this.#create();
    const query = `<query xmlns='jabber:iq:register'><username>${this.user}</username><password>secret</password></query>`;
    await this.#until(
      /<iq[^>]+(result|conflict)/,
      '',
      `<iq xmlns='jabber:client' type='set' id='r'>${query}</iq>`,
    );
    await this.#request(" type='terminate'", '');
    this.close();
  }

  /** Logs in by SCRAM-SHA-1, binds and becomes available. */
  async login(): Promise<void> {
    await this.#create();
    const bare = `n=${this.user},r=${randomBytes(18).toString('base64')}`;
    const sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    const first = base64(`n,,${bare}`);
    const challenge = await this.#until(
      /<challenge[^>]*>/,
      '',
      `<auth ${sasl} mechanism='SCRAM-SHA-1'>${first}</auth>`,
    );
    const server = Buffer.from(/<challenge[^>]*>([^<]+)/.exec(challenge)?.[1] ?? '', 'base64').toString();
    const [, both = '', salt = '', rounds = ''] = /r=([^,]+),s=([^,]+),i=(\d+)/.exec(server) ?? [];
    const salted = await derive('secret', Buffer.from(salt, 'base64'), Number(rounds), 20, 'sha1');
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(
      createHash('sha1').update(clientKey).digest(),
      `${bare},${server},c=biws,r=${both}`,
    );
    const proof = Buffer.from(clientKey.map((byte, k) => byte ^ (signature[k] ?? 0))).toString('base64');
    await this.#until(
      /<success/,
      '',
      `<response ${sasl}>${base64(`c=biws,r=${both},p=${proof}`)}</response>`,
    );
    await this.#until(/<bind/, " to='localhost' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'", '');
    const bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>";
    const bound = await this.#until(/<jid>/, '', `<iq xmlns='jabber:client' type='set' id='b'>${bind}</iq>`);
    this.jid = /<jid>([^<]+)/.exec(bound)?.[1] ?? '';
    const legacy = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";
    await this.#until(/id=['"]s['"]/, '', `<iq xmlns='jabber:client' type='set' id='s'>${legacy}</iq>`);
    await this.#until(/<presence/, '', "<presence xmlns='jabber:client'/>");
  }

  async #create(): Promise<void> {
    await this.#connect();
    this.#start = "<body xmlns='http://jabber.org/protocol/httpbind' rid='";
    const attributes =
      " to='localhost' wait='60' hold='1' ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'";
    const created = await this.#request(attributes, '');
    const sid = /sid=['"]([^'"]+)/.exec(created)?.[1];
    if (sid === undefined) throw new Error(`no session: ${created}`);
    this.#start = `<body xmlns='http://jabber.org/protocol/httpbind' sid='${sid}' rid='`;
    if (!created.includes('mechanism')) await this.#until(/mechanism/, '', '');
  }

  #request(attributes: string, payload: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.user}: no response to ${attributes}${payload}`)),
        patienceMilliseconds,
      );
      this.received = (body) => {
        clearTimeout(timer);
        this.received = ignore;
        resolve(body);
      };
      this.#post(`${this.#start}${this.#rid++}'${attributes}>${payload}</body>`);
    });
  }

  /** Sends one request, then empty ones until a response matches. */
  async #until(pattern: RegExp, attributes: string, payload: string): Promise<string> {
    let body = await this.#request(attributes, payload);
    for (let i = 0; i < 20 && !pattern.test(body); i++) {
      if (isEnd(body)) throw new Error(`${this.user}: ${payload} brought ${body}`);
      body = await this.#request('', '');
    }
    if (!pattern.test(body)) throw new Error(`${this.user}: expected ${pattern}, got ${body}`);
    return body;
  }

  #post(body: string): void {
    this.#socket?.write(
      `POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'latin1',
    );
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        port: this.#port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: shared,
          callback: (count, buffer) => {
            this.#read(Buffer.prototype.latin1Slice.call(buffer, 0, count));
            return true;
          },
        },
      });
      this.#socket = socket;
      socket.once('connect', resolve);
      socket.on('error', reject);
      socket.on('close', () => this.received("<body type='terminate' condition='connection-closed'/>"));
    });
  }

  /** Takes what was read: nearly always exactly one response. */
  #read(chunk: string): void {
    const text = this.#partial === '' ? chunk : this.#partial + chunk;
    const end = text.indexOf('\r\n\r\n');
    const length = end < 0 ? 0 : contentLength(text, end);
    if (end < 0 || text.length < end + 4 + length) {
      this.#partial = text;
      return;
    }
    this.#partial = text.slice(end + 4 + length);
    this.received(text.slice(end + 4, end + 4 + length));
  }
}

/** A response that ends the session. */
export function isEnd(body: string): boolean {
  return body.includes("type='terminate'") || body.includes('type="terminate"');
}

const lengthHeader = /\ncontent-length: (\d+)/i;

function contentLength(text: string, end: number): number {
  const length = lengthHeader.exec(text);
  if (length === null || length.index > end) throw new Error(`no Content-Length: ${text.slice(0, end)}`);
  return Number(length[1]);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha1', key).update(text).digest();
}

function ignore(): void {}
