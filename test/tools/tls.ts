import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket, type TlsOptions } from 'node:tls';
import { secureServerSocket } from '../../shared/tls/server-socket.js';

/** Both ends of one TLS connection whose handshake is complete. */
interface TlsPair {
  readonly server: TLSSocket;
  readonly client: TLSSocket;
}

/** Connects Node's own client to the server's end as STARTTLS makes it. Rejects when the handshake fails. */
export async function tlsPair(
  t: TestContext,
  serverOptions: TlsOptions,
  clientOptions: ConnectionOptions = {},
): Promise<TlsPair> {
  const listener = createServer();
  t.after(() => listener.close());
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    rejectUnauthorized: false,
    ...clientOptions,
  });
  t.after(() => client.destroy());
  const connected = once(client, 'secureConnect');
  connected.catch(() => undefined);
  const [plain] = await accepted;
  const server = secureServerSocket(plain, serverOptions);
  t.after(() => server.destroy());
  server.on('error', () => undefined);
  const failed = once(client, 'close').then(() => Promise.reject(new Error('handshake failed')));
  failed.catch(() => undefined);
  await Promise.race([Promise.all([connected, once(server, 'secure')]), failed]);
  server.resume();
  client.resume();
  client.on('error', () => undefined);
  return { server, client };
}
