import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { CertificatePair } from '../../shared/tls/make-certificate.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import type { FederatedCore } from './federation.js';
import { S2S_TEST_PORT } from './federation.js';
import { RawClient } from './raw-client.js';

const WAIT_MILLISECONDS = 8000;
const DECLARATIONS =
  "xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'";
const DIALBACK_FEATURE = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";

/** Another server whose every word is the test's: what connects to its address, and what it opens itself. */
export class RawServer {
  readonly address: string;
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #wake: () => void = () => {};
  readonly #open = new Set<Socket>();
  connections = 0;

  private constructor(address: string) {
    this.address = address;
    this.#server = createServer((socket) => {
      this.connections++;
      socket.on('error', () => {});
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      this.#waiting.push(socket);
      this.#wake();
    });
  }

  static async start(address: string): Promise<RawServer> {
    const server = new RawServer(address);
    await server.listen();
    return server;
  }

  async listen(): Promise<void> {
    this.#server.listen(S2S_TEST_PORT, this.address);
    await once(this.#server, 'listening');
  }

  /** The next connection, nothing read yet. */
  async accept(): Promise<RawClient> {
    const end = performance.now() + WAIT_MILLISECONDS;
    while (this.#waiting.length === 0) {
      const left = end - performance.now();
      if (left <= 0) throw new Error('nobody connected');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return RawClient.over(this.#waiting.shift() as Socket);
  }

  /** Accepts a stream and answers its header; `features` is what follows (none for null). */
  async acceptStream(
    id = 'raw-1',
    features: string | null = DIALBACK_FEATURE,
  ): Promise<{ stream: RawClient; header: StreamHeader }> {
    const stream = await this.accept();
    return { stream, header: await answerHeader(stream, id, features) };
  }

  /** Accepts a stream of the core and answers whatever key it asks about with `type`. */
  async answerVerify(type: 'valid' | 'invalid'): Promise<{ stream: RawClient; verify: Stanza }> {
    const { stream } = await this.acceptStream('authoritative');
    const verify = await stream.element('db:verify');
    stream.send(
      `<db:verify from='${verify.to}' to='${verify.from}' id='${verify.attribute('id')}' type='${type}'/>`,
    );
    return { stream, verify };
  }

  /** Opens a stream to the core as `from`; returns it after the features. */
  static async openTo(
    peer: FederatedCore,
    from: string | null,
    options: { to?: string; listener?: string } = {},
  ): Promise<{ stream: RawClient; features: Stanza; id: string }> {
    const stream = await peer.core.connect(options.listener ?? 's2s');
    sendHeader(stream, options.to ?? peer.domain, from);
    const header = await stream.header();
    return { stream, features: await stream.element('features'), id: header.id ?? '' };
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function sendHeader(stream: RawClient, to: string, from: string | null, more = "version='1.0'"): void {
  stream.send(
    `<?xml version='1.0'?><stream:stream ${DECLARATIONS} to='${to}'${from === null ? '' : ` from='${from}'`} ${more}>`,
  );
}

/** Answers the header that comes, as the server that was asked for. */
export async function answerHeader(
  stream: RawClient,
  id: string,
  features: string | null,
): Promise<StreamHeader> {
  const header = await stream.header();
  const version = features === null ? '' : " version='1.0'";
  stream.send(
    `<?xml version='1.0'?><stream:stream ${DECLARATIONS} id='${id}' from='${header.to}' to='${header.from}'${version}>` +
      (features === null ? '' : `<stream:features>${features}</stream:features>`),
  );
  return header;
}

/** STARTTLS as the client of the handshake, with a certificate; `servername` '': without SNI. Returns the features inside TLS. */
export async function startTlsTo(
  stream: RawClient,
  to: string,
  from: string,
  pair?: CertificatePair,
  servername = to,
): Promise<Stanza> {
  stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  await stream.element('proceed');
  const plain = stream.socket as Socket;
  plain.removeAllListeners();
  const secure = connectTls({
    socket: plain,
    rejectUnauthorized: false,
    servername,
    ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
  });
  await once(secure, 'secureConnect');
  stream.continueOver(secure);
  sendHeader(stream, to, from);
  await stream.header();
  return stream.element('features');
}

/** STARTTLS as the server of the handshake, asked for by the core; the next header is still to come. */
export async function startTlsFrom(stream: RawClient, pair: CertificatePair): Promise<void> {
  await stream.element('starttls');
  const plain = stream.socket as Socket;
  plain.removeAllListeners();
  plain.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  const secure = new TLSSocket(plain, {
    isServer: true,
    requestCert: true,
    rejectUnauthorized: false,
    cert: pair.certificate,
    key: pair.key,
  });
  secure.on('error', () => {});
  stream.continueOver(secure);
}

/** XEP-0185, from its text: what a server with this secret sends and accepts. */
export function dialbackKey(secret: string, receiving: string, originating: string, id: string): string {
  const hashed = createHash('sha256').update(secret).digest('hex');
  return createHmac('sha256', hashed).update(`${receiving} ${originating} ${id}`).digest('hex');
}
