import { type Operation, type OperationName, OperationWriter } from '../../shared/client-link/operations.js';
import type { ComponentStream } from '../component-link/component-stream.js';
import type { LinkTransport } from './link-transport.js';

/** Wire text that may wait in the component's socket before client streams keep theirs. */
const windowBytes = 2 * 1024 * 1024;

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One XEP-0114 stream on which the client link has been negotiated, with the client streams it carries. */
export class ClientLink {
  readonly stream: ComponentStream;
  readonly transports = new Map<string, LinkTransport>();
  readonly #operations: OperationWriter;
  /** Those that found the link full, in the order in which they get their turn. */
  readonly #queue = new Set<LinkTransport>();
  #draining = false;

  constructor(stream: ComponentStream, addresses: { component: string; server: string }) {
    this.stream = stream;
    this.#operations = new OperationWriter(addresses.server, addresses.component);
  }

  get congested(): boolean {
    return this.stream.transport.queuedBytes > windowBytes;
  }

  control(name: Exclude<OperationName, 'data'>, stream: string, attributes: Attributes = {}): void {
    this.stream.send(this.#operations.write(name, stream, attributes));
  }

  data(stream: string, element: string): void {
    this.stream.send(this.#operations.data(stream, element));
  }

  afterFlush(callbacks: readonly (() => void)[]): void {
    this.stream.transport.afterFlush(() => {
      for (const callback of callbacks) callback();
    });
  }

  /** §6: streams that wait for the link go on one after the other when it has been read. */
  waitForRoom(transport: LinkTransport): void {
    this.#queue.add(transport);
    if (this.#draining) return;
    this.#draining = true;
    this.stream.transport.afterFlush(() => {
      this.#draining = false;
      const waiting = [...this.#queue];
      this.#queue.clear();
      for (const one of waiting) one.proceed();
    });
  }

  add(transport: LinkTransport): void {
    this.transports.set(transport.name, transport);
  }

  gone(transport: LinkTransport): void {
    this.#queue.delete(transport);
    this.transports.delete(transport.name);
  }

  /** Hands an operation to its stream; §8.1 where there is none. */
  receive(operation: Operation): void {
    const transport = this.transports.get(operation.stream);
    if (transport !== undefined) return transport.receive(operation);
    if (operation.name === 'close') return;
    this.control('close', operation.stream, { condition: 'item-not-found' });
  }

  /** The XEP-0114 stream has ended (§8.2). */
  lost(): void {
    for (const transport of [...this.transports.values()]) transport.lose('the link was lost');
  }
}
