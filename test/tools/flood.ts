import { connect, type Socket } from 'node:net';
import type { RawClient } from './raw-client.js';

/** From now on what comes is read and thrown away: a flood's answers cost the test nothing. */
export function deafen(client: RawClient): Socket {
  client.socket.removeAllListeners('data');
  client.socket.resume();
  return client.socket as Socket;
}

/** From now on nothing is read any more: the answers stay with whoever sends them. */
export function stopReading(client: RawClient): Socket {
  client.socket.removeAllListeners('data');
  client.socket.pause();
  return client.socket as Socket;
}

/** Writes the same text for so long, as fast as it is taken; resolves with the bytes that were taken. */
export function pour(socket: Socket, text: string, milliseconds: number): Promise<number> {
  const bytes = Buffer.from(text);
  const end = performance.now() + milliseconds;
  let taken = 0;
  return new Promise((resolve) => {
    // a peer that reads no more does not call back
    const late = setTimeout(() => resolve(taken), milliseconds);
    const go = (): void => {
      if (performance.now() >= end || socket.destroyed) {
        clearTimeout(late);
        resolve(taken);
        return;
      }
      socket.write(bytes, (error) => {
        if (error === undefined || error === null) {
          taken += bytes.length;
          setImmediate(go);
        } else {
          clearTimeout(late);
          resolve(taken);
        }
      });
    };
    go();
  });
}

/** A TCP connection that says nothing by itself; what comes is gathered in `heard`. */
export interface Bare {
  readonly socket: Socket;
  heard: string;
  /** Resolves when the connection is gone; rejects when that takes longer. */
  gone(milliseconds?: number): Promise<void>;
}

/** Connects from an address of the loopback. */
export async function bare(host: string, port: number, localAddress?: string): Promise<Bare> {
  const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
  const connection: Bare = {
    socket,
    heard: '',
    gone: (milliseconds = 15_000) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) {
          resolve();
          return;
        }
        const late = setTimeout(
          () => reject(new Error(`still open; heard: ${connection.heard}`)),
          milliseconds,
        );
        socket.once('close', () => {
          clearTimeout(late);
          resolve();
        });
      }),
  };
  socket.on('data', (chunk: Buffer) => {
    connection.heard += chunk.toString('latin1');
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return connection;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
