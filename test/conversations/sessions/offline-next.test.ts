import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// XEP-0160 §3: who may have what is stored, where it came while another session was being given it.

const SM = 'urn:xmpp:sm:3';

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_OUTBOUND_BYTES: '64K' });
  await core.addUsers('romeo', 'juliet', 'nurse');
  romeo = await core.online('romeo', 'orchard');
});
after(() => core.stop());

async function send(to: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    romeo.send(`<message to='${to}' type='chat' id='${id}'><body>${'x'.repeat(10_000)}</body></message>`);
  }
  await romeo.ping();
}

/** Logged in, with stream management: it acknowledges what the test acknowledges. */
async function managed(user: string, resource: string): Promise<RawClient> {
  const client = await core.login(user, resource);
  client.send(`<enable xmlns='${SM}'/>`);
  await client.stanza((stanza) => stanza.name === 'enabled');
  return client;
}

async function ids(client: RawClient, count: number): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  while (found.length < count) found.push((await client.stanza((stanza) => stanza.name === 'message')).id);
  return found;
}

test('the rest is for who is there when the one that was given it has become unavailable', async () => {
  await send('juliet@localhost', ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  const first = await managed('juliet', 'balcony');
  first.send('<presence/>');
  // more is not read from the store until these are acknowledged
  assert.deepEqual(await ids(first, 4), ['m0', 'm1', 'm2', 'm3']);
  const second = await core.login('juliet', 'chamber');
  second.send('<presence/>');
  await second.stanza((stanza) => stanza.name === 'presence' && stanza.from === second.jid);
  first.send("<presence type='unavailable'/>");
  await second.stanza((stanza) => stanza.type === 'unavailable');
  // those messages, and three presences
  first.send(`<a xmlns='${SM}' h='7'/>`);
  assert.deepEqual(await ids(second, 2), ['m4', 'm5']);
  await second.close();
  await first.close();
});

test('so is what a session that was not read gives back while another is being given what is stored', async () => {
  const gone = await managed('nurse', 'gone');
  await send('nurse@localhost/gone', ['g0']);
  await send('nurse@localhost', ['m0']);
  const there = await managed('nurse', 'there');
  there.send('<presence/>');
  assert.deepEqual(await ids(there, 1), ['m0']);
  gone.cut();
  await romeo.expectNothing();
  // its own presence and that message
  there.send(`<a xmlns='${SM}' h='2'/>`);
  assert.deepEqual(await ids(there, 1), ['g0']);
  await there.close();
});
