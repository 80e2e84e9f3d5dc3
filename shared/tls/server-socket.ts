import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket, type TlsOptions } from 'node:tls';

/**
 * The server's end of TLS on an existing connection (STARTTLS). `options` are those of `ServerCertificates`; unlike a
 * bare TLSSocket it says in `authorized` and `authorizationError`, from its `secure` event on, whether the peer's
 * certificate is good, as the sockets of a tls.Server do.
 */
export function secureServerSocket(plain: Duplex, options: TlsOptions): TLSSocket {
  const { secureContext, SNICallback, requestCert, rejectUnauthorized, ALPNProtocols } = options;
  // each socket keeps a copy of what it is given
  const socket = new TLSSocket(plain as ConstructorParameters<typeof TLSSocket>[0], {
    isServer: true,
    secureContext: secureContext ?? createSecureContext(options),
    SNICallback,
    requestCert,
    rejectUnauthorized,
    ALPNProtocols,
  });
  socket.on('_tlsError', endWhereBroken);
  if (options.requestCert) {
    socket.prependOnceListener('secure', () => {
      const error = verificationError(socket);
      if (error === null) socket.authorized = true;
      else {
        socket.authorizationError = error;
        if (options.rejectUnauthorized) socket.destroy();
      }
    });
  }
  return socket;
}

/**
 * After the handshake Node tells errors to nobody but a tls.Server, and a connection of which nothing is understood any more
 * would stay. What is left of the look at a bad certificate, which comes here too, is no error of TLS itself.
 */
function endWhereBroken(this: TLSSocket, error: Error & { readonly library?: string }): void {
  if (error.library === 'SSL routines') this.destroy(error);
}

/** Node keeps the verdict on the handle; where it should not be found any more, nobody is authorized. */
function verificationError(socket: TLSSocket): Error | null {
  const { ssl } = socket as TLSSocket & { readonly ssl?: { verifyError?(): Error | null } };
  return ssl?.verifyError ? ssl.verifyError() : new Error('the verdict on the certificate is not known');
}

/** TLS reads into a kilobyte at first; what fills it is followed by a larger buffer that stays. */
const PIECE_BYTES = 1000;

/**
 * Gives the TLS of `socket`, made of `plain` in this turn, what of the peer's handshake has been read already. What TLS reads
 * into at first is as large as what it is begun with, and stays with the connection: a kilobyte with such a piece, 64 KiB
 * where it begins by reading itself. Where this Node does not let it be given so, it reads it from `plain`.
 */
export function beginWith(hello: Buffer, socket: TLSSocket, plain: Socket): void {
  const handle = (socket as TLSSocket & { readonly _handle?: Partial<Receiver> | null })._handle;
  if (typeof handle?.receive !== 'function') {
    plain.unshift(Buffer.from(hello));
    return;
  }
  for (let at = 0; at < hello.length; at += PIECE_BYTES) {
    handle.receive(hello.subarray(at, at + PIECE_BYTES));
  }
}

interface Receiver {
  receive(bytes: Buffer): void;
}
