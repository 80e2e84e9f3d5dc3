import type { Duplex } from 'node:stream';
import { TLSSocket, type TlsOptions } from 'node:tls';

/**
 * The server's end of TLS on an existing connection (STARTTLS). `options` are those of `ServerCertificates`; unlike a
 * bare TLSSocket it says in `authorized` and `authorizationError`, from its `secure` event on, whether the peer's
 * certificate is good, as the sockets of a tls.Server do.
 */
export function secureServerSocket(plain: Duplex, options: TlsOptions): TLSSocket {
  const socket = new TLSSocket(plain as ConstructorParameters<typeof TLSSocket>[0], {
    ...options,
    isServer: true,
  });
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

/** Node keeps the verdict on the handle; where it should not be found any more, nobody is authorized. */
function verificationError(socket: TLSSocket): Error | null {
  const { ssl } = socket as TLSSocket & { readonly ssl?: { verifyError?(): Error | null } };
  return ssl?.verifyError ? ssl.verifyError() : new Error('the verdict on the certificate is not known');
}
