import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import type { TestContext } from 'node:test';

/** `up`: from whoever connects to the server behind; `down`: the other way. */
type Direction = 'up' | 'down';

interface Pipe {
  readonly from: Socket;
  readonly to: Socket;
  /** What travels, and when it may arrive. */
  readonly under: { readonly bytes: Buffer; readonly at: number }[];
  timer: NodeJS.Timeout | null;
  /** So many more bytes get through, then both ends are cut; null: no such thing. */
  left: number | null;
}

interface Wire {
  readonly near: Socket;
  readonly far: Socket;
  readonly pipes: Readonly<Record<Direction, Pipe>>;
}

/**
 * A long and unreliable wire between two hosts, made of TCP: bytes take their time, stop for a while, or the connection is
 * cut after any number of them, which both ends see as a reset. (`tc netem` needs a kernel module that few machines have.)
 */
export class BadWire {
  /** One way, in milliseconds; each piece takes up to `jitter` more, and none overtakes another. */
  delay = 0;
  jitter = 0;
  /** Connections made through it. */
  connections = 0;
  readonly #wires = new Set<Wire>();
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  #stalled = false;
  #port = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((near) => this.#join(near));
  }

  /** Listens on `host`, on any port, and leads to `target`. */
  static async lay(t: TestContext, host: string, target: { host: string; port: number }): Promise<BadWire> {
    const wire = new BadWire(target);
    wire.#server.listen(0, host);
    await once(wire.#server, 'listening');
    wire.#port = (wire.#server.address() as AddressInfo).port;
    t.after(() => wire.#close());
    return wire;
  }

  get port(): number {
    return this.#port;
  }

  /** Nothing arrives, in either direction, until `flow`; connections stay open, and new ones are taken and led nowhere. */
  stall(): void {
    this.#stalled = true;
  }
  flow(): void {
    this.#stalled = false;
    for (const wire of this.#wires) for (const pipe of Object.values(wire.pipes)) this.#pump(wire, pipe);
  }

  /** After `bytes` more in that direction every connection is cut; resolves when one was. */
  async cutAfter(direction: Direction, bytes: number): Promise<void> {
    const cuts = [...this.#wires].map((wire) => {
      wire.pipes[direction].left = bytes;
      return once(wire.far, 'close');
    });
    await Promise.race(cuts);
  }

  cut(): void {
    for (const wire of this.#wires) this.#cut(wire);
  }

  #join(near: Socket): void {
    this.connections++;
    const far = tcpConnect(this.#target);
    const pipe = (from: Socket, to: Socket): Pipe => ({ from, to, under: [], timer: null, left: null });
    const wire: Wire = { near, far, pipes: { up: pipe(near, far), down: pipe(far, near) } };
    this.#wires.add(wire);
    for (const one of Object.values(wire.pipes)) {
      one.from.setNoDelay(true);
      one.from.on('error', () => this.#cut(wire));
      one.from.on('data', (bytes: Buffer) => {
        const previous = one.under.at(-1)?.at ?? 0;
        const at = performance.now() + this.delay + Math.random() * this.jitter;
        one.under.push({ bytes, at: Math.max(previous, at) });
        this.#pump(wire, one);
      });
      one.from.on('end', () => {
        if (one.under.length === 0 && !this.#stalled) one.to.end();
        else this.#cut(wire);
      });
      one.from.on('close', () => this.#wires.delete(wire));
    }
  }

  #pump(wire: Wire, pipe: Pipe): void {
    if (pipe.timer !== null || this.#stalled) return;
    for (let next = pipe.under[0]; next !== undefined; next = pipe.under[0]) {
      const wait = next.at - performance.now();
      if (wait > 0) {
        pipe.timer = setTimeout(() => {
          pipe.timer = null;
          this.#pump(wire, pipe);
        }, wait);
        return;
      }
      pipe.under.shift();
      if (pipe.left !== null && next.bytes.length >= pipe.left) {
        pipe.to.write(next.bytes.subarray(0, pipe.left), () => this.#cut(wire));
        pipe.left = null;
        return;
      }
      if (pipe.left !== null) pipe.left -= next.bytes.length;
      pipe.to.write(next.bytes);
    }
  }

  #cut(wire: Wire): void {
    this.#wires.delete(wire);
    for (const pipe of Object.values(wire.pipes)) {
      if (pipe.timer !== null) clearTimeout(pipe.timer);
      pipe.under.length = 0;
    }
    wire.near.resetAndDestroy();
    wire.far.resetAndDestroy();
  }

  #close(): void {
    this.cut();
    this.#server.close();
  }
}
