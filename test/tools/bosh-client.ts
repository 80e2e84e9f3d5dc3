import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';

export const httpBind = 'http://jabber.org/protocol/httpbind';

/** One HTTP response, with its `<body/>` read. */
export interface BoshAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly raw: Buffer;
  /** Attributes and children of the `<body/>`; an empty element where the response has none. */
  readonly body: Element;
}

export interface PostOptions {
  readonly headers?: Record<string, string>;
  readonly path?: string;
  readonly method?: string;
  readonly signal?: AbortSignal;
  /** Over TLS, with this certificate (PEM) as the only root, for the name `localhost`. */
  readonly ca?: string;
  /** The address to come from. */
  readonly localAddress?: string;
}

/** Sends one body as it is; resolves with the answer. */
export function post(port: number, body: string | Buffer, options: PostOptions = {}): Promise<BoshAnswer> {
  return new Promise((resolve, reject) => {
    const { ca, localAddress } = options;
    const request = (ca === undefined ? httpRequest : httpsRequest)(
      {
        ...(ca === undefined ? {} : { ca, servername: 'localhost' }),
        ...(localAddress === undefined ? {} : { localAddress }),
        host: '127.0.0.1',
        port,
        path: options.path ?? '/http-bind',
        method: options.method ?? 'POST',
        agent: false,
        headers: {
          'Content-Type': 'text/xml; charset=utf-8',
          'Content-Length': Buffer.byteLength(body),
          ...options.headers,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const raw = Buffer.concat(chunks);
          const text = raw.toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            raw,
            body: readBody(text),
          });
        });
      },
    );
    request.setTimeout(20_000, () => request.destroy(new Error('no answer in 20 s')));
    request.on('error', reject);
    request.end(body);
  });
}

function readBody(text: string): Element {
  return text.startsWith('<body') ? Stanza.parse(text).element : xml('body');
}

/** Attributes of a `<body/>`; undefined leaves one out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** A BOSH client that sends what the test says and counts rids. */
export class BoshClient {
  readonly port: number;
  rid: number;
  sid: string | undefined;
  readonly #common: PostOptions;

  /** `common` goes for all its requests. */
  constructor(port: number, rid = 1_573_741_820, common: PostOptions = {}) {
    this.port = port;
    this.rid = rid;
    this.#common = common;
  }

  /** The text of a body with the next rid (unless one is given) and the sid. */
  text(attributes: Attributes = {}, payload = ''): string {
    const all: Attributes = { rid: this.rid, sid: this.sid, ...attributes };
    if (attributes['rid'] === undefined) this.rid++;
    const written = Object.entries(all)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}='${value}'`)
      .join('');
    const start = `<body xmlns='${httpBind}' xmlns:xmpp='urn:xmpp:xbosh'${written}`;
    return payload === '' ? `${start}/>` : `${start}>${payload}</body>`;
  }

  /** The next request. */
  send(attributes: Attributes = {}, payload = '', options: PostOptions = {}): Promise<BoshAnswer> {
    return post(this.port, this.text(attributes, payload), { ...this.#common, ...options });
  }

  /** Creates the session; remembers its sid. */
  async create(attributes: Attributes = {}, options: PostOptions = {}): Promise<BoshAnswer> {
    const answer = await this.send(
      {
        to: 'example.com',
        wait: 60,
        hold: 1,
        ver: '1.6',
        'xml:lang': 'en',
        'xmpp:version': '1.0',
        ...attributes,
      },
      '',
      options,
    );
    this.sid = answer.body.attrs['sid'];
    return answer;
  }
}

/** Insists that this answer ends the session, for this reason (XEP-0124 §17.2; none: the client's own wish). */
export function assertTerminal(answer: BoshAnswer, condition: string | undefined): void {
  assert.equal(answer.status, 200);
  assert.equal(answer.body.attrs['type'], 'terminate');
  assert.equal(answer.body.attrs['condition'], condition);
}

export function message(id: string, body = 'hello'): string {
  return `<message xmlns='jabber:client' to='romeo@example.com' id='${id}'><body>${body}</body></message>`;
}
