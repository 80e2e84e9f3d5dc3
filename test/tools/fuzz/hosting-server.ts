import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type Heard, Wire } from './wire.js';

/** Everything that our components can be granted, whether they need it or not. */
const ADVERTISEMENTS = (domain: string): string =>
  `<message from='localhost' to='${domain}'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/>` +
  "<perm access='message' type='outgoing'/><perm access='presence' type='roster'/>" +
  "<perm access='iq'><namespace ns='http://jabber.org/protocol/disco#info' type='get'/><namespace ns='vcard-temp' type='both'/>" +
  "<namespace ns='http://jabber.org/protocol/pubsub' type='set'/></perm></privilege></message>" +
  `<message from='localhost' to='${domain}'><delegation xmlns='urn:xmpp:delegation:2'>` +
  [
    'vcard-temp',
    'http://jabber.org/protocol/pubsub',
    'http://jabber.org/protocol/pubsub#owner',
    'jabber:iq:privacy',
    'urn:xmpp:blocking',
  ]
    .map((namespace) => `<delegated namespace='${namespace}'/>`)
    .join('') +
  "<delegated namespace='urn:xmpp:delegation:2:bare:disco#info:*'/><delegated namespace='urn:xmpp:delegation:2:bare:disco#items:*'/>" +
  '</delegation></message>';

const INFO =
  "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im'/>" +
  "<feature var='http://jabber.org/protocol/disco#info'/></query>";

/** The server that our component runs on: lets it in, grants it everything, and knows nothing that it is asked for. */
export class HostingServer {
  readonly #server: Server;
  readonly #domain: string;
  readonly #open = new Set<Socket>();
  #ready: Wire | undefined;
  #wake: () => void = () => {};

  private constructor(domain: string) {
    this.#domain = domain;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async start(domain: string): Promise<HostingServer> {
    const server = new HostingServer(domain);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** The component's next stream, with its grants. */
  async next(milliseconds: number): Promise<Wire> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const wire = this.#ready;
      this.#ready = undefined;
      if (wire !== undefined && !wire.closed) return wire;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${this.#domain} does not come back`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #accept(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.once('end', () => socket.end());
    const wire = new Wire(socket);
    wire.onHeader = () =>
      wire.send(
        `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='${this.#domain}' id='hosting'>`,
      );
    wire.onElement = (heard) => {
      if (heard.name !== 'handshake') return;
      wire.send(`<handshake/>${ADVERTISEMENTS(this.#domain)}`);
      this.#ready = wire;
      this.#wake();
    };
  }

  /** What it says to a request of the component. */
  static answer({ attributes, children }: Heard): string | undefined {
    const [payload] = children;
    const asks = typeof payload === 'object' && payload.namespace === 'http://jabber.org/protocol/disco#info';
    if (!asks || attributes['to'] !== 'localhost') return undefined;
    return `<iq type='result' id='${attributes['id']}' from='localhost' to='${attributes['from']}'>${INFO}</iq>`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
