import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { type Bystanders, growthDuring, memoryOf, testUnhurt } from '../tools/bystanders.js';
import type { FederatedCore } from '../tools/federation.js';
import { type Bare, bare, deafen, pour, sleep, stopReading } from '../tools/flood.js';
import { FULL } from '../tools/long-mode.js';
import { RawClient } from '../tools/raw-client.js';
import { type RawServer, sendHeader } from '../tools/raw-server.js';
import { besiegeAmongBystanders, type SiegeAmongBystanders } from '../tools/siege.js';

// Attacks by many: thousands of connections from hundreds of addresses, all at once. Bystanders are logged in already.

const MEGABYTE = 1024 * 1024;
const CROWD = FULL ? 6000 : 2000;
const ATTACK_MILLISECONDS = FULL ? 30_000 : 5_000;
let siege: SiegeAmongBystanders;
let peer: RawServer;
let capulet: FederatedCore;
let bystanders: Bystanders;

before(async () => {
  siege = await besiegeAmongBystanders(
    {
      LOG_LEVEL: 'info',
      C2S_TLS_PORT: 'auto',
      LIMIT_UNAUTHENTICATED: String(CROWD - 500),
      LIMIT_UNAUTHENTICATED_SECONDS: '10',
    },
    ['mallory', 'mallet', 'trudy'],
  );
  ({ peer, capulet, bystanders } = siege);
});
after(() => siege?.stop());

/** Addresses of the loopback, as many as one likes. */
const addressOf = (k: number) => `127.9.${Math.floor(k / 200) % 250}.${(k % 200) + 1}`;

async function crowd(listener: string, count: number, said: string | Buffer): Promise<Bare[]> {
  const { host, port } = capulet.core.address(listener);
  const all: Bare[] = [];
  for (let k = 0; k < count; k += 50) {
    const some = await Promise.all(
      Array.from({ length: Math.min(50, count - k) }, (_, j) => bare(host, port, addressOf(k + j))),
    );
    for (const connection of some) if (said.length > 0) connection.socket.write(said);
    all.push(...some);
  }
  return all;
}

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='capulet.test' version='1.0'>";
const HALF_HELLO = Buffer.from('16030100c8010000', 'hex');

describe(`${CROWD} half-open streams`, () => {
  for (const [listener, what, said] of [
    ['c2s', 'that say nothing', ''],
    [
      'c2s',
      'with half an <auth/> of 60 KB',
      `${HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${'A'.repeat(60_000)}`,
    ],
    [
      'c2s',
      'in the middle of STARTTLS',
      Buffer.concat([Buffer.from(`${HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)]),
    ],
    ['c2s-tls', 'in the middle of a TLS handshake', HALF_HELLO],
    ['s2s', 'of servers that do not say who they are', HEADER.replace('jabber:client', 'jabber:server')],
  ] as const) {
    testUnhurt(`${listener}: ${what}: bounded, let go in time, and bystanders go on`, async (t) => {
      let all: Bare[] = [];
      let p99 = 0;
      const began = memoryOf(capulet.core.process);
      const growth = await growthDuring(capulet.core.process, async () => {
        ({ p99 } = await bystanders.unhurtBy(what, async () => {
          all = await crowd(listener, CROWD, said);
          await sleep(1000);
        }));
      });
      // a busy core takes its time even for a no
      const late = performance.now() + 10_000;
      const gone = () => all.filter(({ socket }) => socket.destroyed).length;
      while (gone() < 400 && performance.now() < late) await sleep(100);
      const refused = gone();
      t.diagnostic(
        `${refused} refused; ${Math.round(growth / (CROWD - refused) / 1024)} KiB for each other one; p99 ${p99.toFixed(0)} ms`,
      );
      assert.ok(refused >= 400, `${refused} were refused`);
      // what a stranger may cost, with what he may say at most
      assert.ok(growth < CROWD * 200_000, `${growth} bytes more, from ${began}`);
      const end = performance.now() + 60_000;
      while (all.some(({ socket }) => !socket.destroyed) && performance.now() < end) await sleep(200);
      assert.equal(all.filter(({ socket }) => !socket.destroyed).length, 0, 'all are let go');
      const honest = await capulet.core.login('mallory', 'after', 'capulet.test');
      honest.cut();
    });
  }
});

testUnhurt('connections that come and go as fast as they can', async () => {
  const { host, port } = capulet.core.address();
  let count = 0;
  const growth = await growthDuring(capulet.core.process, () =>
    bystanders.unhurtBy('connections', async () => {
      const end = performance.now() + ATTACK_MILLISECONDS;
      await Promise.all(
        Array.from({ length: 20 }, async (_, lane) => {
          while (performance.now() < end) {
            const connection = await bare(host, port, addressOf(lane));
            connection.socket.write(HEADER);
            connection.socket.destroy();
            count++;
          }
        }),
      );
    }),
  );
  assert.ok(count > 200, `${count} connections`);
  assert.ok(growth < 150 * MEGABYTE, `${growth} bytes more after ${count} connections`);
});

testUnhurt('guessing passwords from many addresses: an owner who comes from his own gets in', async () => {
  const guess = Buffer.from('\0mallory\0wrong').toString('base64');
  let guesses = 0;
  let refused = 0;
  await bystanders.unhurtBy('guessing from many addresses', async () => {
    const end = performance.now() + ATTACK_MILLISECONDS;
    const { host, port } = capulet.core.address();
    const attack = Array.from({ length: 60 }, async (_, lane) => {
      while (performance.now() < end) {
        const connection = await bare(host, port, addressOf(lane));
        connection.socket.write(
          `${HEADER}${`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${guess}</auth>`.repeat(5)}`,
        );
        await connection.gone(30_000);
        guesses += connection.heard.split('<not-authorized/>').length - 1;
        refused += connection.heard.split('<temporary-auth-failure/>').length - 1;
      }
    });
    await sleep(500);
    const honest = await RawClient.connect(host, port);
    await honest.login('reader', 'secret', 'capulet.test', 'honest');
    honest.cut();
    await Promise.all(attack);
  });
  assert.ok(guesses + refused > 100, `${guesses} and ${refused}`);
  await capulet.core.process.said(/"code":"c2s\.login-failed"/);
});

testUnhurt(
  'dialback by many servers for many domains: bounded connections to others, and federation goes on',
  async () => {
    const before = peer.connections;
    await bystanders.unhurtBy('dialback by many', async () => {
      const { host, port } = capulet.core.address('s2s');
      const end = performance.now() + ATTACK_MILLISECONDS;
      await Promise.all(
        Array.from({ length: 20 }, async (_, lane) => {
          const stream = await RawClient.connect(host, port);
          sendHeader(stream, 'capulet.test', `s${lane}.many.test`);
          await stream.header();
          await stream.element('features');
          const socket = deafen(stream);
          for (let k = 0; performance.now() < end && !socket.destroyed; k++) {
            socket.write(`<db:result from='d${k}.s${lane}.many.test' to='capulet.test'>key</db:result>`);
            if (k % 50 === 0) await sleep(10);
          }
          stream.cut();
        }),
      );
    });
    const most = 300 * Math.ceil(ATTACK_MILLISECONDS / 5_000);
    assert.ok(peer.connections - before <= most, `${peer.connections - before} connections to others`);
  },
);

describe('an authenticated flood on every session that an account may have', () => {
  // a few are left for others of the account
  const SESSIONS = 45;

  for (const [what, who, online, prepared] of [
    ['is stored until the store is full, then refused', 'mallory', false, deafen],
    ['is delivered to all of them', 'mallet', true, deafen],
    // then all of them are let go at once
    ['is delivered to all of them, and they read nothing', 'trudy', true, stopReading],
  ] as const) {
    testUnhurt(what, async () => {
      const stanza = `<message to='${who}@capulet.test' type='chat'><body>x</body></message>`.repeat(200);
      const clients: RawClient[] = [];
      for (let k = 0; k < SESSIONS; k++) {
        const client = await capulet.core.login(who, `f${k}`, 'capulet.test');
        if (online) await client.goOnline();
        clients.push(client);
      }
      const growth = await growthDuring(capulet.core.process, () =>
        bystanders.unhurtBy(what, () =>
          Promise.all(clients.map((client) => pour(prepared(client), stanza, ATTACK_MILLISECONDS))),
        ),
      );
      assert.ok(growth < 400 * MEGABYTE, `${growth} bytes more`);
      for (const client of clients) client.cut();
    });
  }
});
