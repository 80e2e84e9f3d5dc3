import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { constants, deflateSync } from 'node:zlib';
import { CompressedClient } from '../../tools/compressed-client.js';
import { CoreUnderTest } from '../../tools/core-harness.js';

const COMPRESS = 'http://jabber.org/protocol/compress';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_STANZA_BYTES: '100K' });
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

test('XEP-0138 §2: offered after SASL, each failure leaves the stream usable, then a compressed stream', async () => {
  const client = await core.connect();
  const before = await client.open('localhost');
  assert.ok(!before.hasChild('compression', 'http://jabber.org/features/compress'), 'XEP-0170: after SASL');
  client.send(`<compress xmlns='${COMPRESS}'><method>zlib</method></compress>`);
  await client.expect(`<failure xmlns='${COMPRESS}'><setup-failed/></failure>`);
  const features = await client.authenticate('romeo', 'secret', 'localhost');
  assert.ok(
    features.source.includes(
      "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>",
    ),
    features.source,
  );
  client.send(`<compress xmlns='${COMPRESS}'><method>lzw</method></compress>`);
  await client.expect(`<failure xmlns='${COMPRESS}'><unsupported-method/></failure>`);
  client.send(`<compress xmlns='${COMPRESS}'/>`);
  await client.expect(`<failure xmlns='${COMPRESS}'><setup-failed/></failure>`);
  const compressed = await CompressedClient.upgrade(client, 'localhost');
  assert.ok(!(await compressed.until('</stream:features>')).includes('<compression'));
  compressed.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  await compressed.until('</iq>');
  compressed.send('<presence/>');
  await compressed.until('<presence');
  // each write is flushed: an answer does not wait inside the compressor
  for (let k = 0; k < 5; k++) {
    compressed.send(`<iq type='get' id='p${k}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await compressed.until(`id='p${k}'`);
  }
  const juliet = await core.online('juliet', 'balcony');
  juliet.send(`<message to='romeo@localhost' id='m'><body>${'é'.repeat(40_000)}</body></message>`);
  assert.ok((await compressed.until('</message>')).includes('é'.repeat(40_000)));
  compressed.send("<message to='juliet@localhost/balcony' id='n'><body>compressed</body></message>");
  await juliet.stanza((stanza) => stanza.id === 'n');
  compressed.send('</stream:stream>');
  await compressed.until('</stream:stream>');
  compressed.cut();
  await juliet.close();
});

test('a burst that is more than a compressed stream takes at once arrives whole, and what comes after it too', async () => {
  const client = await core.connect();
  await client.open('localhost');
  await client.authenticate('romeo', 'secret', 'localhost');
  const compressed = await CompressedClient.upgrade(client, 'localhost');
  await compressed.until('</stream:features>');
  compressed.send(
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>burst</resource></bind></iq>",
  );
  await compressed.until('</iq>');
  const juliet = await core.login('juliet', 'sender');
  let burst = '';
  for (let i = 0; i < 30; i++)
    burst += `<message to='romeo@localhost/burst' id='m${i}'><body>${'x'.repeat(50_000)}</body></message>`;
  juliet.send(burst);
  for (let i = 0; i < 30; i++) assert.match(await compressed.until('</message>'), new RegExp(`id='m${i}'`));
  juliet.send("<message to='romeo@localhost/burst' id='after'><body>x</body></message>");
  assert.match(await compressed.until('</message>'), /id='after'/);
  compressed.cut();
  await juliet.close();
});

test('XEP-0138: not offered inside TLS by default, offered with COMPRESSION=on, never with off', async () => {
  for (const [setting, plain, secure] of [
    ['plain', true, false],
    ['on', true, true],
    ['off', false, false],
  ] as const) {
    const other = await CoreUnderTest.start({ COMPRESSION: setting });
    try {
      await other.addUsers('romeo');
      for (const tls of [false, true]) {
        const client = await other.connect();
        await client.open('localhost');
        if (tls) await client.startTls('localhost');
        const features = await client.authenticate('romeo', 'secret', 'localhost');
        const offered = features.hasChild('compression', 'http://jabber.org/features/compress');
        assert.equal(offered, tls ? secure : plain, `COMPRESSION=${setting}, TLS ${tls}`);
        if (!offered) {
          client.send(`<compress xmlns='${COMPRESS}'><method>zlib</method></compress>`);
          await client.expect(`<failure xmlns='${COMPRESS}'><setup-failed/></failure>`);
        }
        client.cut();
      }
    } finally {
      await other.stop();
    }
  }
});

async function compressedStream(): Promise<CompressedClient> {
  const client = await core.connect();
  await client.open('localhost');
  await client.authenticate('romeo', 'secret', 'localhost');
  const compressed = await CompressedClient.upgrade(client, 'localhost');
  await compressed.until('</stream:features>');
  return compressed;
}

test('XEP-0138 §2: broken zlib data after the start is a stream error', async () => {
  const client = await compressedStream();
  client.sendRaw(Buffer.from('this is not zlib at all, not even a little of it'));
  const rest = await client.until('</stream:stream>');
  assert.ok(rest.includes('<undefined-condition'), rest);
  assert.match(
    rest,
    /<failure xmlns=.http:\/\/jabber.org\/protocol\/compress.><processing-failed\/><\/failure>/,
  );
});

test('a compressed bomb meets the stanza limit before it is inflated', async () => {
  const client = await compressedStream();
  // 64 MiB of one stanza in some 64 KiB of zlib data
  const bomb = deflateSync(
    `<message to='juliet@localhost'><body>${'a'.repeat(64 * 1024 * 1024)}</body></message>`,
    { finishFlush: constants.Z_SYNC_FLUSH },
  );
  client.startOver(bomb);
  const rest = await client.until('</stream:stream>');
  assert.ok(rest.includes('<policy-violation'), rest.slice(-400));
  const alive = await core.login('juliet');
  await alive.ping();
  await alive.close();
});
