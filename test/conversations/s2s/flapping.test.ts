import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loopbackAddress, startFederated } from '../../tools/federation.js';
import type { RawClient } from '../../tools/raw-client.js';
import { RawServer } from '../../tools/raw-server.js';

test('streams that the peer closes at any moment: everything arrives, in order', async () => {
  const peer = await RawServer.start(loopbackAddress());
  const { core } = await startFederated(
    'capulet.test',
    loopbackAddress(),
    { '*': peer.address },
    { S2S_REQUIRE_TLS: 'false' },
  );
  await core.addUsers('juliet@capulet.test');
  const juliet = await core.online('juliet', 'balcony', 'capulet.test');
  const total = 300;
  const seen: number[] = [];
  let sent = 0;
  const pump = setInterval(() => {
    for (let k = 0; k < 10 && sent < total; k++)
      juliet.send(`<message to='romeo@flap.test' type='chat' id='n${sent++}'><body>x</body></message>`);
  }, 5);
  const end = performance.now() + 20_000;
  const readAll = async (stream: RawClient, most: number) => {
    let count = 0;
    let closed = false;
    while (new Set(seen).size < total && performance.now() < end) {
      const next = await stream.next(3000);
      if (next.kind === 'lost') return;
      if (next.kind === 'closed') closed = true;
      if (next.kind !== 'element' || next.stanza.name !== 'message') continue;
      assert.ok(!closed);
      seen.push(Number(next.stanza.id?.slice(1)));
      // in the middle of what comes; what is on its way is still read
      if (++count === most) stream.send('</stream:stream>');
    }
    stream.cut();
  };
  while (new Set(seen).size < total && performance.now() < end) {
    const { stream } = await peer.acceptStream('flap');
    await stream.element('db:result');
    stream.send(`<db:result from='flap.test' to='capulet.test' type='valid'/>`);
    await readAll(stream, 1 + Math.floor(Math.random() * 40));
  }
  clearInterval(pump);
  assert.equal(new Set(seen).size, total, 'everything arrives');
  // sent again is possible, out of order is not: the first time of each is in order
  const first = seen.filter((number, index) => seen.indexOf(number) === index);
  assert.deepEqual(
    first,
    [...first].sort((a, b) => a - b),
  );
  juliet.cut();
  await core.stop();
  await peer.stop();
});

test('RFC 6120 §4.9.3.17: too many connections of other servers from one address', async () => {
  const montague = await startFederated(
    'montague.test',
    loopbackAddress(),
    {},
    { LIMIT_CONNECTIONS_PER_ADDRESS: '2' },
  );
  const first = await RawServer.openTo(montague, 'capulet.test');
  const second = await RawServer.openTo(montague, 'capulet.test');
  const third = await montague.core.connect('s2s');
  assert.equal((await third.header()).defaultNamespace, 'jabber:server');
  await third.expectStreamError('resource-constraint');
  first.stream.send('</stream:stream>');
  assert.equal((await first.stream.next()).kind, 'closed');
  assert.equal((await first.stream.next()).kind, 'lost');
  const fourth = await RawServer.openTo(montague, 'capulet.test');
  for (const { stream } of [second, fourth]) stream.cut();
  await montague.core.stop();
});
