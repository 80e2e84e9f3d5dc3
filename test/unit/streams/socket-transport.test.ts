import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { constants, deflateSync } from 'node:zlib';
import { SocketTransport } from '../../../core-server/streams/socket-transport.js';
import { silentHandler } from '../../../core-server/streams/transport.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

/** Longer than a stream may work before others have their turn. */
const TOO_LONG_MILLISECONDS = 6;

const options = {
  limits: { stanzaBytes: 10_000, depth: 10, attributes: 10, outboundBytes: 100_000 },
  contentNamespace: NS.client,
  bytesPerSecond: 0,
  notReading() {},
  upgrade: null,
  closeMilliseconds: 1000,
};

/** What a stream hears whose peer sends all this, and its end, at once. */
async function heard(
  text: string,
  onStanza: (transport: SocketTransport, id: string | undefined) => void = () => undefined,
  afterAnswer?: Buffer,
): Promise<string[]> {
  const events: string[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const lost = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      const transport = new SocketTransport(socket, options);
      transport.handler = {
        ...silentHandler,
        stanzaReceived(stanza) {
          const start = performance.now();
          while (performance.now() - start < TOO_LONG_MILLISECONDS);
          events.push(stanza.id ?? '');
          transport.send(`<message id='answer'/>`);
          onStanza(transport, stanza.id);
        },
        streamClosed: () => events.push('closed'),
        lost() {
          events.push('lost');
          resolve();
        },
      };
    });
  });
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  if (afterAnswer === undefined) client.end(text);
  else {
    client.write(text);
    client.once('data', () => client.end(afterAnswer));
  }
  await lost;
  client.destroy();
  server.close();
  return events;
}

const HEADER = `<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.streams}' to='localhost' version='1.0'>`;
const IDS = ['1', '2', '3', '4', '5', '6', '7', '8'];
const MESSAGES = IDS.map((id) => `<message id='${id}'/>`).join('');

test('what came before the connection ended is heard though the stream had to wait for its turn', async () => {
  assert.deepEqual(await heard(`${HEADER}${MESSAGES}</stream:stream>`), [...IDS, 'closed', 'lost']);
});

test('so it is where the peer does not close its stream, and half a stanza is not', async () => {
  assert.deepEqual(await heard(`${HEADER}${MESSAGES}<message id='9'>`), [...IDS, 'lost']);
});

test('so it is where the stream is held back for a while', async () => {
  const holdBack = (transport: SocketTransport, id: string | undefined): void => {
    if (id !== '3') return;
    transport.pause();
    setTimeout(() => transport.resume(), 50);
  };
  assert.deepEqual(await heard(`${HEADER}${MESSAGES}</stream:stream>`, holdBack), [...IDS, 'closed', 'lost']);
});

test('so it is where what came is still to be inflated (XEP-0138)', async () => {
  const compress = (transport: SocketTransport, id: string | undefined): void => {
    if (id === 'compress') transport.startCompression('');
    if (id !== '3') return;
    transport.pause();
    setTimeout(() => transport.resume(), 50);
  };
  const compressed = deflateSync(`${HEADER}${MESSAGES}</stream:stream>`, {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const events = await heard(`${HEADER}<message id='compress'/>`, compress, compressed);
  assert.deepEqual(events, ['compress', ...IDS, 'closed', 'lost']);
});

for (const [what, held] of [
  ['had to wait for its turn', false],
  ['was held back for a while', true],
] as const) {
  test(`half a stanza is timed also where it came while the stream ${what}`, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    const [socket] = (await accepted) as [Socket];
    const transport = new SocketTransport(socket, options);
    const seen = new Promise<void>((resolve) => {
      transport.handler = {
        ...silentHandler,
        stanzaReceived() {
          if (held) transport.pause();
          else {
            const start = performance.now();
            while (performance.now() - start < TOO_LONG_MILLISECONDS);
          }
          resolve();
        },
      };
    });
    client.write(`${HEADER}<message id='a'/><message id='b'>`);
    await seen;
    assert.equal(transport.unfinishedSince, null);
    if (held) transport.resume();
    else for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(transport.unfinishedSince !== null);
    client.destroy();
    transport.destroy();
    server.close();
  });
}
