import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const SM = 'urn:xmpp:sm:3';

/** A server that takes connections and says nothing, until it goes. */
async function silentServer(): Promise<{ port: number; go(): void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    go: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

async function counted(client: RawClient): Promise<string | undefined> {
  client.send(`<r xmlns='${SM}'/>`);
  return (await client.stanza((stanza) => stanza.name === 'a')).attribute('h');
}

test('XEP-0198 §5: what a client sends again because its first is still under way is handled once, and counted once', async (t) => {
  const silent = await silentServer();
  t.after(() => silent.go());
  const core = await CoreUnderTest.start({
    S2S_PORT: 'auto',
    S2S_REQUIRE_TLS: 'false',
    S2S_ROUTES: `silent.test=127.0.0.1:${silent.port}`,
  });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const juliet = await core.online('juliet', 'balcony');
  const romeo = await core.online('romeo', 'orchard');
  romeo.send(`<enable xmlns='${SM}' resume='true'/>`);
  const enabled = await romeo.stanza((stanza) => stanza.name === 'enabled');
  const text = (id: string, to: string) =>
    `<message to='${to}' type='chat' id='${id}'><body>${id}</body></message>`;
  const sent = text('m1', 'x@silent.test') + text('m2', 'juliet@localhost/balcony');
  romeo.send(sent);
  await juliet.stanza((stanza) => stanza.id === 'm2');
  assert.equal(
    await counted(romeo),
    '0',
    'the first waits for the other server, and those behind it with it',
  );
  romeo.cut();

  const back = await core.connect();
  await back.open('localhost');
  await back.authenticate('romeo', 'secret', 'localhost');
  back.send(`<resume xmlns='${SM}' previd='${enabled.attribute('id')}' h='0'/>`);
  const resumed = await back.stanza((stanza) => stanza.name === 'resumed');
  assert.equal(resumed.attribute('h'), '0');
  back.send(sent + text('m3', 'juliet@localhost/balcony'));
  assert.equal((await juliet.element('message')).id, 'm3', 'the second does not come again');
  assert.equal(await counted(back), '0');
  silent.go();
  const refusal = await back.stanza((stanza) => stanza.name === 'message' && stanza.type === 'error');
  assert.equal(refusal.id, 'm1');
  for (let h = '0'; h !== '3'; ) {
    h = (await counted(back)) ?? '';
    assert.ok(['0', '3'].includes(h), h);
  }
  assert.equal(await counted(back), '3');
  assert.ok(
    !back.received.some((item) => item.kind === 'element' && item.stanza.type === 'error'),
    'one refusal for one message',
  );
});
