import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { BoshClient, post } from '../tools/bosh-client.js';
import { Bystanders, growthDuring, testUnhurt } from '../tools/bystanders.js';
import { type Address, CoreUnderTest, type ProcessUnderTest } from '../tools/core-harness.js';
import { type Bare, bare, sleep } from '../tools/flood.js';
import { FULL } from '../tools/long-mode.js';

// Attacks over HTTP: BOSH, WebSocket and the metrics port. Their time limits are those of an HTTP server, too long for
// the short tests.

const MEGABYTE = 1024 * 1024;
const CONNECTIONS = FULL ? 3000 : 800;
let core: CoreUnderTest;
let bosh: ProcessUnderTest;
let web: Address;
let metrics: Address;
let bystanders: Bystanders;

before(async () => {
  core = await CoreUnderTest.start({
    LOG_LEVEL: 'info',
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'secret',
    METRICS_PORT: 'auto',
    // the honest ones here do not log in
    LIMIT_UNAUTHENTICATED_SECONDS: '900',
  });
  bosh = await core.component('bosh', {
    LOG_LEVEL: 'info',
    BOSH_PORT: 'auto',
    BOSH_MAX_SESSIONS_PER_ADDRESS: '200',
    BOSH_MAX_CONNECTIONS: String(CONNECTIONS + 400),
    BOSH_PING: '2',
    METRICS_PORT: '0',
  });
  web = addressIn(await bosh.ready(), 'http');
  metrics = addressIn(core.addresses, 'metrics');
  await core.addUsers('writer', 'reader');
  bystanders = await Bystanders.start(core);
});
after(async () => {
  await bystanders.stop();
  await core.stop();
});

function addressIn(addresses: Record<string, string>, name: string): Address {
  const port = Number(/:(\d+)$/.exec(addresses[name] ?? '')?.[1]);
  assert.ok(port > 0, `${name} in ${JSON.stringify(addresses)}`);
  return { host: '127.0.0.1', port };
}

/** An honest session goes on meanwhile: asked and answered. */
async function honest(run: () => Promise<unknown>): Promise<number> {
  const client = new BoshClient(web.port);
  await client.create({ to: 'localhost', wait: 1, hold: 1 });
  let going = true;
  let slowest = 0;
  const asking = (async () => {
    while (going) {
      const began = performance.now();
      const answer = await client.send({}, '');
      assert.equal(answer.status, 200);
      assert.equal(answer.body.attrs['type'], undefined, answer.text);
      slowest = Math.max(slowest, performance.now() - began);
      await sleep(2100);
    }
  })();
  await run();
  going = false;
  await asking;
  return slowest;
}

describe('slow requests', () => {
  /** [what, what is said at first, then again and again]; a whole minute is waited for the last ones */
  const all: readonly (readonly [what: string, said: string, drip: string])[] = [
    ['nothing', '', ''],
    ['a request line letter by letter', 'GET /', 'a'],
    ['headers without end', 'POST /http-bind HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'],
    [
      'a body letter by letter',
      'POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n<body ',
      ' ',
    ],
    [
      'a chunk letter by letter',
      'POST /http-bind HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n',
      'x',
    ],
  ];
  for (const door of ['bosh', 'metrics'] as const) {
    const slow = FULL || door === 'metrics' ? all : all.slice(0, 3);
    testUnhurt(`${door}: whoever is slow is let go; an honest client is served meanwhile`, async () => {
      const address = door === 'bosh' ? web : metrics;
      const attack = async (): Promise<void> => {
        const gone = await Promise.all(
          slow.map(async ([what, said, drip]) => {
            const connection = await bare(address.host, address.port);
            connection.socket.write(said);
            const dripping = setInterval(() => drip !== '' && connection.socket.write(drip), 300);
            await connection.gone(100_000).catch((error: unknown) => {
              throw new Error(`${what}: ${String(error)}`);
            });
            clearInterval(dripping);
            return connection;
          }),
        );
        assert.equal(gone.length, slow.length);
      };
      await bystanders.unhurtBy(`slow requests to ${door}`, () =>
        door === 'bosh' ? honest(attack) : attack(),
      );
    });
  }
});

testUnhurt(
  'connections that say nothing: as many as there may be, none of the honest ones waits for them',
  async () => {
    const all: Bare[] = [];
    await bystanders.unhurtBy('silent connections', () =>
      honest(async () => {
        for (let k = 0; k < CONNECTIONS; k++) all.push(await bare(web.host, web.port));
        await sleep(2500);
      }),
    );
    const open = all.filter(({ socket }) => !socket.destroyed).length;
    assert.ok(open > CONNECTIONS / 2, `${open} open`);
    // more than BOSH_MAX_CONNECTIONS are closed as they come
    const more: Bare[] = [];
    for (let k = 0; k < 600; k++) more.push(await bare(web.host, web.port));
    await sleep(500);
    assert.ok(more.some(({ socket }) => socket.destroyed));
    await bosh.said(/"code":"bosh\.too-many-connections"/);
    for (const { socket } of [...all, ...more]) socket.destroy();
    // the monitors' port, too
    const scrapers: Bare[] = [];
    for (let k = 0; k < 150; k++) scrapers.push(await bare(metrics.host, metrics.port));
    await sleep(300);
    assert.ok(scrapers.filter(({ socket }) => socket.destroyed).length >= 40);
    for (const { socket } of scrapers) socket.destroy();
  },
);

describe('bodies', () => {
  const head = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost'>";
  const bodies: readonly (readonly [what: string, body: Buffer, encoding: string | undefined])[] = [
    [
      '200 MB of spaces, compressed',
      gzipSync(Buffer.concat([Buffer.from(head), Buffer.alloc(200 * MEGABYTE, 32)])),
      'gzip',
    ],
    ['a bomb in a bomb', gzipSync(gzipSync(Buffer.alloc(100 * MEGABYTE))), 'gzip'],
    ['5 MB', Buffer.from(`${head}${'<a/>'.repeat(1_250_000)}</body>`), undefined],
    ['a document type', Buffer.from(`<!DOCTYPE x [<!ENTITY a 'aaaa'>]>${head}&a;</body>`), undefined],
    ['deep', Buffer.from(`${head}${'<a>'.repeat(100_000)}`), undefined],
    ['no gzip at all', Buffer.from(head), 'gzip'],
  ];
  for (const [what, body, encoding] of bodies) {
    test(`${what}: refused`, async () => {
      const growth = await growthDuring(bosh, async () => {
        for (let k = 0; k < 5; k++) {
          const answer = await post(
            web.port,
            body,
            encoding === undefined ? {} : { headers: { 'Content-Encoding': encoding } },
          ).catch(() => null);
          // whoever sends megabytes after the refusal is cut
          if (answer !== null) assert.equal(answer.body.attrs['type'], 'terminate', answer.text);
        }
      });
      assert.ok(growth < 150 * MEGABYTE, `${growth} bytes more`);
    });
  }
});

describe('WebSocket', () => {
  const open = (): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${web.port}/xmpp-websocket`, 'xmpp', {
        perMessageDeflate: false,
      });
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
    });
  const closed = (socket: WebSocket, milliseconds: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('still open')), milliseconds);
      socket.once('close', () => {
        clearTimeout(late);
        resolve();
      });
      socket.on('error', () => {});
    });
  const OPEN = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

  test('who opens nothing, and who says half a frame, is let go', async () => {
    const silent = await open();
    const half = connectTcp(web.port, web.host);
    half.write(
      'GET /xmpp-websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n',
    );
    half.on('error', () => {});
    half.resume();
    const gone = new Promise<void>((resolve) => half.once('close', () => resolve()));
    await sleep(300);
    // a masked text frame of 60,000 bytes, of which ten come
    half.write(Buffer.concat([Buffer.from([0x81, 0xfe, 0xea, 0x60, 1, 2, 3, 4]), Buffer.alloc(10, 65)]));
    await Promise.all([
      closed(silent, 40_000),
      Promise.race([gone, sleep(40_000).then(() => Promise.reject(new Error('half a frame: still open')))]),
    ]);
  });

  test('a frame beyond the limit, and who never reads', async () => {
    const large = await open();
    large.send(OPEN);
    large.send(`<message xmlns='jabber:client'><body>${'x'.repeat(300_000)}</body></message>`);
    await closed(large, 20_000);
    const deaf = await open();
    deaf.send(OPEN);
    await sleep(300);
    deaf.pause();
    const question = "<iq xmlns='jabber:client' type='get' id='a'><query xmlns='jabber:iq:register'/></iq>";
    const growth = await growthDuring(bosh, async () => {
      const end = performance.now() + 3000;
      while (
        performance.now() < end &&
        deaf.readyState === deaf.OPEN &&
        deaf.bufferedAmount < 20 * MEGABYTE
      ) {
        for (let k = 0; k < 500; k++) deaf.send(question);
        await sleep(5);
      }
    });
    assert.ok(growth < 100 * MEGABYTE, `${growth} bytes more`);
    deaf.terminate();
  });
});

testUnhurt('sessions of one address: BOSH_MAX_SESSIONS_PER_ADDRESS, then policy-violation', async () => {
  const conditions = new Map<string, number>();
  const growth = await growthDuring(bosh, () =>
    bystanders.unhurtBy('sessions', async () => {
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          Array.from({ length: 40 }, async (_, k) => {
            const { body } = await post(
              web.port,
              `<body xmlns='http://jabber.org/protocol/httpbind' rid='${1000 + k}' to='localhost' wait='1' hold='1' ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>`,
            );
            const what = body.attrs['condition'] ?? 'ok';
            conditions.set(what, (conditions.get(what) ?? 0) + 1);
          }),
        );
      }
    }),
  );
  assert.ok((conditions.get('policy-violation') ?? 0) >= 190, JSON.stringify([...conditions]));
  assert.ok((conditions.get('ok') ?? 0) <= 200);
  assert.ok(growth < 200 * MEGABYTE, `${growth} bytes more`);
  await bosh.said(/"code":"bosh\.too-many-sessions"/);
});
