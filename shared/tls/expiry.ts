import type { TLSSocket } from 'node:tls';

const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/**
 * Calls `expired` when a certificate that vouches for this connection ends (RFC 6120 §13.7.2.3), unless the connection
 * closes before. `notAfter` is in milliseconds since 1970.
 */
export function whenCertificateExpires(socket: TLSSocket, notAfter: number, expired: () => void): void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = notAfter - Date.now();
    if (left <= 0) expired();
    else timer = setTimeout(wait, Math.min(left, LONGEST_TIMER_MILLISECONDS)).unref();
  };
  socket.once('close', () => clearTimeout(timer));
  wait();
}
