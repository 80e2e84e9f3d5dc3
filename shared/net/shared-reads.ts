import type { Socket } from 'node:net';

/** As much as the kernel is asked for at once, and as Node asks for. */
const BYTES = 64 * 1024;

let shared: Buffer | null = null;
let slots: Slots | null = null;

/** Where a socket keeps what `onread` gave it. */
interface Slots {
  readonly buffer: symbol;
  readonly callback: symbol;
}

interface Internals {
  readonly _handle?: { readonly useUserBuffer?: (buffer: Buffer) => void } | null;
  [symbol: symbol]: unknown;
}

/**
 * Hands what comes on `socket` to `received` out of one buffer that all sockets of the process share; the bytes are only good
 * until `received` returns. A read that makes its own buffer takes 64 KiB, gives most of it back, and leaves the rest to the
 * collector: a tenth of what a lone stanza costs. It is what Node's option `onread` does, which cannot be given for sockets
 * that a server accepts; where this Node does not keep it so, the socket's `data` events do instead.
 *
 * Answers whether the buffer is shared. The socket is connected, and reads once it is resumed.
 */
export function readShared(socket: Socket, received: (bytes: Buffer) => void): boolean {
  const internals = socket as unknown as Internals;
  const handle = internals._handle;
  slots ??= slotsOf(socket);
  if (typeof handle?.useUserBuffer !== 'function' || slots === null || !(slots.buffer in socket)) {
    socket.on('data', received);
    return false;
  }
  shared ??= Buffer.allocUnsafeSlow(BYTES);
  const bytes = shared;
  // What had come before, or was put back (the rest after a PROXY header), comes before what the socket reads from now on.
  const early: Buffer | null = socket.read();
  if (early !== null) process.nextTick(received, early);
  internals[slots.buffer] = bytes;
  internals[slots.callback] = (length: number) => received(bytes.subarray(0, length));
  handle.useUserBuffer(bytes);
  return true;
}

function slotsOf(socket: Socket): Slots | null {
  const own = Object.getOwnPropertySymbols(socket);
  const buffer = own.find(({ description }) => description === 'kBuffer');
  const callback = own.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? null : { buffer, callback };
}
