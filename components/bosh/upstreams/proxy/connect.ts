import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { takeDescriptor } from '../../../../shared/net/descriptors.js';
import type { Target } from './target.js';

const connectMilliseconds = 10_000;

interface TlsTerms {
  /** The name the certificate must be for. */
  readonly domain: string;
  readonly verify: boolean;
  readonly ca: string | undefined;
}

/** Connects to the first target that answers; rejects with the last error. */
export async function connectToFirst(
  targets: readonly Target[],
  tls: TlsTerms,
  aborted: AbortSignal,
): Promise<{ socket: Socket; secure: boolean }> {
  let failure: unknown = new Error('no such service');
  for (const target of targets) {
    aborted.throwIfAborted();
    if (!takeDescriptor()) throw new Error('no file descriptors are left');
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    try {
      await settled(socket, 'connect', aborted);
      if (!target.directTls) return { socket, secure: false };
      return { socket: await encrypt(socket, tls, aborted), secure: true };
    } catch (error) {
      socket.destroy();
      failure = error;
    }
  }
  throw failure;
}

/** TLS on a connected socket; rejects where the certificate is not good. */
export async function encrypt(socket: Socket, terms: TlsTerms, aborted: AbortSignal): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    servername: terms.domain,
    ...(terms.ca === undefined ? {} : { ca: terms.ca }),
    rejectUnauthorized: terms.verify,
    ALPNProtocols: ['xmpp-client'],
    minVersion: 'TLSv1.2',
  });
  try {
    await settled(secured, 'secureConnect', aborted);
    return secured;
  } catch (error) {
    secured.destroy();
    throw error;
  }
}

function settled(socket: Socket, event: string, aborted: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      socket.off(event, good).off('error', end).off('close', closed);
      aborted.removeEventListener('abort', stop);
      if (error === undefined) resolve();
      else reject(error);
    };
    const good = () => end();
    const closed = () => end(new Error('the connection was closed'));
    const stop = () => {
      socket.on('error', () => undefined);
      end(new Error('aborted'));
    };
    const timer = setTimeout(() => end(new Error('no answer in time')), connectMilliseconds);
    socket.once(event, good).once('error', end).once('close', closed);
    aborted.addEventListener('abort', stop, { once: true });
  });
}
