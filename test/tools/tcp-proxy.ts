import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between two processes and can be cut: no connection survives, and new ones are refused or hang. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #state: 'open' | 'refusing' | 'silent' = 'open';
  #bytes = 0;
  connections = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async to(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Bytes that passed, both ways. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Ends what is connected. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Away: what is connected is cut, what comes is closed at once. */
  refuse(): void {
    this.#state = 'refusing';
    this.cut();
  }

  /** Away without a word: what is connected stays and nothing passes any more, as when a cable is pulled. */
  silence(): void {
    this.#state = 'silent';
    for (const socket of this.#sockets) socket.pause();
  }

  /** There again. Connections that were silent are cut, as they would be by whoever restarted. */
  restore(): void {
    if (this.#state === 'silent') this.cut();
    this.#state = 'open';
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    this.connections++;
    if (this.#state === 'refusing') {
      near.destroy();
      return;
    }
    this.#keep(near);
    if (this.#state === 'silent') {
      near.pause();
      return;
    }
    const far = connect({ ...this.#target, noDelay: true });
    this.#keep(far);
    this.#join(near, far);
    this.#join(far, near);
  }

  #join(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => this.#state !== 'silent' && from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('close', () => to.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
