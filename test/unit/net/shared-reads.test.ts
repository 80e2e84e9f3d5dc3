import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { readShared } from '../../../shared/net/shared-reads.js';
import { makeCertificate } from '../../../shared/tls/make-certificate.js';
import { secureServerSocket } from '../../../shared/tls/server-socket.js';

/** A connection: the accepted end, paused, and the other. */
async function pair(t: { after(undo: () => void): void }): Promise<{ accepted: Socket; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  if (peer.connecting) await once(peer, 'connect');
  t.after(() => {
    peer.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, peer };
}

/** Collects what `socket` reads; `until` resolves once there is so much of it. */
function collect(socket: Socket): {
  text(): string;
  until(length: number): Promise<string>;
  shared: boolean;
} {
  let text = '';
  let wake = () => {};
  const shared = readShared(socket, (bytes) => {
    text += bytes.toString('latin1');
    wake();
  });
  return {
    shared,
    text: () => text,
    until: async (length) => {
      while (text.length < length) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    },
  };
}

test('this Node has the buffer where it is looked for', async (t) => {
  const { accepted } = await pair(t);
  assert.equal(collect(accepted).shared, true);
});

test('two sockets share the buffer and mix nothing up, however large their input', async (t) => {
  const first = await pair(t);
  const second = await pair(t);
  const one = collect(first.accepted);
  const two = collect(second.accepted);
  first.accepted.resume();
  second.accepted.resume();
  const a = 'a'.repeat(300_000);
  const b = 'b'.repeat(300_000);
  first.peer.write(a);
  second.peer.write(b);
  assert.equal(await one.until(a.length), a);
  assert.equal(await two.until(b.length), b);
});

test('what was put back comes first', async (t) => {
  const { accepted, peer } = await pair(t);
  accepted.unshift(Buffer.from('first '));
  const input = collect(accepted);
  peer.write('second');
  accepted.resume();
  assert.equal(await input.until(12), 'first second');
});

test('nothing is read while it is paused; the end is seen after all that came before it', async (t) => {
  const { accepted, peer } = await pair(t);
  const input = collect(accepted);
  accepted.resume();
  peer.write('one');
  await input.until(3);
  accepted.pause();
  peer.end('two');
  await once(peer, 'finish');
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.equal(input.text(), 'one');
  const ended = once(accepted, 'end');
  accepted.resume();
  await ended;
  assert.equal(input.text(), 'onetwo');
});

test('TLS over a socket that read so before (STARTTLS): both ends read so', async (t) => {
  const { accepted, peer } = await pair(t);
  const plain = collect(accepted);
  accepted.resume();
  peer.write('starttls');
  assert.equal(await plain.until(8), 'starttls');
  accepted.pause();
  const { certificate, key } = makeCertificate({
    names: ['localhost'],
    xmppAddresses: [],
    serviceNames: [],
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  const server = secureServerSocket(accepted, { cert: certificate, key });
  const client = tlsConnect({ socket: peer, rejectUnauthorized: false });
  t.after(() => {
    server.destroy();
    client.destroy();
  });
  const atServer = collect(server);
  const atClient = collect(client);
  assert.equal(atServer.shared && atClient.shared, true);
  server.resume();
  client.resume();
  const text = 'x'.repeat(200_000);
  client.write(text);
  assert.equal(await atServer.until(text.length), text);
  server.write('answer');
  assert.equal(await atClient.until(6), 'answer');
  assert.equal(plain.text(), 'starttls');
  const ended = once(server, 'end');
  client.end();
  await ended;
});

test('where there is no such buffer, the events do', async () => {
  const stream = new PassThrough();
  const input = collect(stream as unknown as Socket);
  assert.equal(input.shared, false);
  stream.write('something');
  assert.equal(await input.until(9), 'something');
});
