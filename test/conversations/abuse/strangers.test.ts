import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Bystanders, growthDuring } from '../../tools/bystanders.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { eventually } from '../../tools/faults.js';
import { type FederatedCore, loopbackAddress, startFederated } from '../../tools/federation.js';
import { type Bare, bare, pour, sleep, stopReading } from '../../tools/flood.js';
import { RawClient } from '../../tools/raw-client.js';
import { openComponent } from '../../tools/raw-component.js';
import { RawServer, sendHeader } from '../../tools/raw-server.js';
import { besiegeAmongBystanders, ECHO, type SiegeAmongBystanders } from '../../tools/siege.js';

// Those who have not said who they are: how many there may be, and what they can cost (XEP-0205 §4.1, §4.3).

const PER_ADDRESS = 20;
const TOTAL = 50;
let siege: SiegeAmongBystanders;
let peer: RawServer;
let capulet: FederatedCore;
let bystanders: Bystanders;

before(async () => {
  siege = await besiegeAmongBystanders(
    {
      C2S_TLS_PORT: 'auto',
      S2S_TLS_PORT: 'auto',
      COMPONENT_TLS_PORT: 'auto',
      ...ECHO,
      LIMIT_UNAUTHENTICATED_PER_ADDRESS: String(PER_ADDRESS),
      LIMIT_UNAUTHENTICATED: String(TOTAL),
      LIMIT_STANZA_BYTES_UNAUTHENTICATED: '10000',
      REGISTRATION: 'open',
      LOG_LEVEL: 'info',
    },
    ['mallory'],
  );
  ({ peer, capulet, bystanders } = siege);
});
after(() => siege?.stop());

/** Connects so often from one address, and waits until so many of them have been closed. */
async function crowd(listener: string, count: number, from: string, refused = 0): Promise<Bare[]> {
  const { host, port } = capulet.core.address(listener);
  const all: Bare[] = [];
  for (let k = 0; k < count; k++) all.push(await bare(host, port, from));
  await eventually(`${refused} of ${count} are closed`, () => closed(all) >= refused);
  // not one more
  await sleep(100);
  return all;
}

const closed = (all: readonly Bare[]) => all.filter(({ socket }) => socket.destroyed).length;

/** Goes, and waits until the server has seen it. */
async function disperse(all: readonly Bare[]): Promise<void> {
  for (const { socket } of all) socket.end();
  await Promise.all(all.map((one) => one.gone()));
  await sleep(200);
}

/** [listener, code that the operator reads, stream error that the one too many hears] */
const doors = [
  ['c2s', 'c2s.too-many-connections', 'resource-constraint'],
  ['c2s-tls', 'c2s.too-many-connections', null],
  ['s2s', 's2s.too-many-connections', 'resource-constraint'],
  ['s2s-tls', 's2s.too-many-connections', null],
  ['component', 'component.too-many-connections', null],
  ['component-tls', 'component.too-many-connections', null],
] as const;

describe('half-open streams', () => {
  for (const [listener, code, condition] of doors) {
    test(`${listener}: no more than LIMIT_UNAUTHENTICATED_PER_ADDRESS of one address, LIMIT_UNAUTHENTICATED of all`, async () => {
      const one = await crowd(listener, PER_ADDRESS + 5, '127.7.7.1', 5);
      assert.equal(closed(one), 5, 'of one address');
      await capulet.core.process.said(new RegExp(`"code":"${code}","address":"127.7.7.1"`));
      if (condition !== null) assert.match(one.at(-1)?.heard ?? '', new RegExp(`<${condition} `));
      const others = [
        ...(await crowd(listener, PER_ADDRESS, '127.7.7.2')),
        ...(await crowd(listener, PER_ADDRESS, '127.7.7.3', 3 * PER_ADDRESS - TOTAL)),
      ];
      assert.equal(closed(others), 3 * PER_ADDRESS - TOTAL, 'of all');
      await disperse([...one, ...others]);
      const again = await crowd(listener, 1, '127.7.7.1');
      assert.equal(closed(again), 0, 'there is room again when they have gone');
      await disperse(again);
    });
  }

  test('who has logged in takes no place of a stranger', async () => {
    const clients: RawClient[] = [];
    for (let k = 0; k < PER_ADDRESS + 5; k++)
      clients.push(await capulet.core.login('mallory', `r${k}`, 'capulet.test'));
    for (const client of clients) client.cut();
  });
});

test('RFC 6120 §13.12 rule 2: attempts to connect are limited where the operator wants so; exempt addresses are not', async (t) => {
  const address = loopbackAddress();
  const { core } = await startFederated(
    'attempts.test',
    address,
    {},
    { LIMIT_ATTEMPTS_PER_MINUTE: '5', LIMIT_EXEMPT_ADDRESSES: '127.7.8.2', LOG_LEVEL: 'info' },
  );
  t.after(() => core.stop());
  for (const listener of ['c2s', 's2s']) {
    const { host, port } = core.address(listener);
    const tries: Bare[] = [];
    for (let k = 0; k < 8; k++) {
      const one = await bare(host, port, '127.7.8.1');
      one.socket.write(' ');
      tries.push(one);
      await sleep(20);
      if (k < 5) one.socket.destroy();
    }
    await eventually(`${listener}: three are closed`, () => closed(tries.slice(5)) === 3);
    await core.process.said(
      new RegExp(`"code":"${listener}\\.too-many-attempts","address":"127\\.7\\.8\\.1"`),
    );
    for (const { socket } of tries) socket.destroy();
  }
  const { host, port } = core.address();
  const exempt: Bare[] = [];
  for (let k = 0; k < 8; k++) exempt.push(await bare(host, port, '127.7.8.2'));
  await sleep(200);
  assert.equal(closed(exempt), 0);
  for (const { socket } of exempt) socket.destroy();
});

describe('a stranger who never reads is let go before what waits for him is much', () => {
  const REGISTER = "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>".repeat(500);
  const VERIFY = "<db:verify from='montague.test' to='capulet.test' id='x'>key</db:verify>".repeat(500);

  /** Asks for as long as it is let; resolves with what it asked for, in bytes. */
  async function ask(client: RawClient, question: string): Promise<number> {
    const socket = stopReading(client);
    socket.on('error', () => {});
    const taken = await pour(socket, question, 8000);
    assert.ok(socket.destroyed || taken < 60_000_000, `${taken} bytes of questions were taken`);
    client.cut();
    return taken;
  }

  test('a client inside TLS, and what it asks before it may', async () => {
    const client = await capulet.core.connect();
    await client.open('capulet.test');
    await client.startTls('capulet.test');
    const growth = await growthDuring(capulet.core.process, () =>
      bystanders.unhurtBy('a stranger inside TLS who never reads', () =>
        ask(client, "<iq type='get' id='r'><a xmlns='x'/></iq>".repeat(500)),
      ),
    );
    assert.ok(client.socket.destroyed);
    assert.ok(growth < 60_000_000, `${growth} bytes more`);
    await capulet.core.process.said(/"code":"c2s\.not-reading"/);
  });

  test('a client that asks for registration, another server that asks about keys', async () => {
    const client = await capulet.core.connect();
    await client.open('capulet.test');
    const server = await RawServer.openTo(capulet, 'montague.test');
    let taken = 0;
    const growth = await growthDuring(capulet.core.process, () =>
      bystanders.unhurtBy('strangers who never read', async () => {
        for (const bytes of await Promise.all([ask(client, REGISTER), ask(server.stream, VERIFY)]))
          taken += bytes;
      }),
    );
    assert.ok(growth < 60_000_000, `${growth} bytes more for ${taken} bytes of questions`);
    await capulet.core.process.said(/"code":"c2s\.not-reading"/);
    await capulet.core.process.said(/"code":"s2s\.not-reading"/);
  });
});

test('a stranger may say little at once: the limit before the handshake is not that of a component', async () => {
  const { component } = await openComponent(capulet.core, 'echo.capulet.test');
  component.send(`<handshake>${'a'.repeat(11_000)}`);
  await component.expectStreamError('policy-violation');
});

describe('dialback floods', () => {
  test('a bounded number of keys is verified at once, for one stream and for one address', async () => {
    // every domain leads to the same peer, which accepts and says nothing
    const streams: RawClient[] = [];
    for (let s = 0; s < 4; s++) {
      const stream = await capulet.core.connect('s2s');
      sendHeader(stream, 'capulet.test', `s${s}.flood.test`);
      await stream.header();
      await stream.element('features');
      streams.push(stream);
    }
    const before = peer.connections;
    await bystanders.unhurtBy('keys of a thousand domains', async () => {
      for (const [s, stream] of streams.entries()) {
        for (let k = 0; k < 250; k++)
          stream.send(`<db:result from='d${k}.s${s}.flood.test' to='capulet.test'>key</db:result>`);
      }
      await sleep(500);
    });
    assert.ok(peer.connections - before <= 50, `${peer.connections - before} connections to others`);
    let refused = 0;
    for (const stream of streams) {
      for (const item of stream.received)
        if (item.kind === 'element' && item.stanza.source.includes('<resource-constraint ')) refused++;
    }
    assert.ok(refused >= 900, `${refused} of 1000 were refused`);
    for (const stream of streams) stream.cut();
  });
});

describe('SASL and registration floods', () => {
  const plain = (user: string) =>
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from(`\0${user}\0wrong`).toString('base64')}</auth>`;

  /** Tries wrong passwords, connection after connection, until told to stop. */
  async function guess(core: CoreUnderTest, going: () => boolean): Promise<number> {
    let tries = 0;
    while (going()) {
      const client = await core.connect();
      await client.open('localhost');
      for (let k = 0; k < 5; k++) {
        client.send(plain('romeo'));
        const answer = await client.element();
        assert.equal(answer.name, 'failure', answer.source);
        tries++;
      }
      await client.expectStreamError('policy-violation');
    }
    return tries;
  }

  test('guessing passwords from one address does not keep another from logging in', async (t) => {
    // dear hashes, so that the queue is full all the time
    const core = await CoreUnderTest.start({ SASL_ITERATIONS: '50000', LISTEN_HOST: '*', LOG_LEVEL: 'info' });
    try {
      await core.addUsers('romeo', 'writer', 'reader');
      const others = await Bystanders.start(core);
      t.after(() => others.stop());
      let going = true;
      let guesses = 0;
      await others.unhurtBy('guessing passwords', async () => {
        const attack = Promise.all(Array.from({ length: 60 }, () => guess(core, () => going)));
        try {
          await sleep(300);
          // ::1 is another network than 127.0.0.1
          const began = performance.now();
          const honest = await RawClient.connect('::1', core.address().port);
          await honest.login('romeo', 'secret', 'localhost', 'honest');
          const took = performance.now() - began;
          assert.ok(took < 5000, `logging in took ${Math.round(took)} ms`);
          honest.cut();
        } finally {
          going = false;
          for (const tries of await attack) guesses += tries;
        }
      });
      assert.ok(guesses >= 300, `${guesses} guesses`);
      await core.process.said(/"code":"c2s\.login-failed"/);
    } finally {
      await core.stop();
    }
  });

  test('SCRAM: huge and odd messages are malformed, and the server alone chooses salt and iterations', async () => {
    const mechanism = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>";
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const odd: readonly (readonly [what: string, first: string])[] = [
      ['iterations and salt of the client’s own', 'n,,n=romeo,r=abc,m=1,i=1000000000,s=AAAA'],
      ['a nonce with a comma', 'n,,n=romeo,r='],
      ['no name', 'n,,n=,r=abc'],
      ['a NUL', 'n,,n=ro\0meo,r=abc'],
      ['a broken escape', 'n,,n=ro=2Dmeo,r=abc'],
    ];
    for (const [what, first] of odd) {
      const client = await capulet.core.connect();
      await client.open('capulet.test');
      client.send(`${mechanism}${base64(first)}</auth>`);
      const answer = await client.element('failure');
      assert.ok(answer.hasChild('malformed-request', 'urn:ietf:params:xml:ns:xmpp-sasl'), what);
      client.cut();
    }
    const client = await capulet.core.connect();
    await client.open('capulet.test');
    // extensions that are not mandatory are ignored (RFC 5802 §5.1): they change nothing
    client.send(`${mechanism}${base64(`n,,n=mallory,r=${'n'.repeat(5000)},i=1`)}</auth>`);
    const challenge = Buffer.from((await client.element('challenge')).element.getText(), 'base64').toString();
    assert.match(challenge, /,i=4096$/);
    client.send(
      `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(`c=biws,r=${'x'.repeat(5000)},p=AAAA`)}</response>`,
    );
    await client.element('failure');
    client.send(`${mechanism}${'A'.repeat(11_000)}</auth>`);
    await client.expectStreamError('policy-violation');
  });

  test('registrations of one address are limited; trying costs others nothing', async () => {
    const core = await CoreUnderTest.start({
      REGISTRATION: 'open',
      REGISTRATIONS_PER_ADDRESS: '3',
      C2S_PROXIES: '127.0.0.1',
      LOG_LEVEL: 'info',
    });
    try {
      /** Behind a proxy that says this address; loopback itself is never limited. */
      const from = async (address: string, name: string): Promise<string> => {
        const client = await core.connect();
        const family = address.includes(':') ? 'TCP6' : 'TCP4';
        client.send(`PROXY ${family} ${address} ${address} 40000 5222\r\n`);
        await client.open('localhost');
        client.send(
          `<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>${name}</username><password>x</password></query></iq>`,
        );
        const answer = await client.stanza((stanza) => stanza.name === 'iq');
        client.cut();
        return answer.source;
      };
      for (let k = 0; k < 3; k++) assert.match(await from('192.0.2.7', `v4-${k}`), /type='result'/);
      assert.match(await from('192.0.2.7', 'v4-3'), /<resource-constraint /);
      // whoever has a /64 has all of its addresses
      for (let k = 0; k < 3; k++)
        assert.match(await from(`2001:db8:1:2::${k + 1}`, `v6-${k}`), /type='result'/);
      assert.match(await from('2001:db8:1:2:ffff:ffff:ffff:ffff', 'v6-3'), /<resource-constraint /);
      assert.match(await from('2001:db8:1:3::1', 'v6-4'), /type='result'/);
    } finally {
      await core.stop();
    }
  });
});
