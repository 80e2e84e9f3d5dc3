import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Dice } from './dice.js';
import { anyDialback } from './server-scripts.js';
import { escapeXml } from './tree.js';
import { type Heard, Wire } from './wire.js';

export const PEER = 'attacker.test';
const DECLARATIONS =
  "xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'";

/** The attackers' own server: says yes to every key, or, when told to, anything at all. */
export class ServerPeer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** When set, answers are drawn from here. */
  mischief: Dice | undefined;
  /** Hears the stanzas that the core brings here. */
  onStanza: (heard: Heard) => void = () => {};
  connections = 0;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async start(): Promise<ServerPeer> {
    const peer = new ServerPeer();
    peer.#server.listen(0, '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Settings of a core that finds this server, and no other. */
  settings(): Record<string, string> {
    return {
      S2S_PORT: 'auto',
      S2S_REQUIRE_TLS: 'false',
      S2S_ROUTES: `${PEER}=127.0.0.1:${this.port},*=127.0.0.1:1`,
    };
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.once('end', () => socket.end());
    const wire = new Wire(socket);
    wire.onHeader = () => {
      wire.send(
        `<?xml version='1.0'?><stream:stream ${DECLARATIONS} id='peer-${this.connections}' from='${PEER}' to='localhost' version='1.0'>` +
          `<stream:features>${this.mischief?.chance(0.2) ? anyDialback(this.mischief) : "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"}</stream:features>`,
      );
    };
    wire.onElement = (heard) => {
      if (heard.namespace !== 'jabber:server:dialback') {
        this.onStanza(heard);
        return;
      }
      const { from = '', to = '', id } = heard.attributes;
      if (this.mischief?.chance(0.6)) {
        wire.send(anyDialback(this.mischief, id));
        if (this.mischief.chance(0.2)) socket.end();
        return;
      }
      const named = id === undefined ? '' : ` id='${escapeXml(id)}'`;
      wire.send(`<db:${heard.name} from='${escapeXml(to)}' to='${escapeXml(from)}'${named} type='valid'/>`);
    };
  }

  drop(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async stop(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
