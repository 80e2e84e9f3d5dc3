import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const SM = 'urn:xmpp:sm:3';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '1' });
  await core.addUsers('romeo', 'juliet', 'nurse');
});
after(() => core.stop());

/** Bodies of the next `count` messages, in order. */
async function bodies(client: RawClient, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const message = await client.stanza((stanza) => stanza.name === 'message');
    found.push(message.element.getChildText('body') ?? '');
  }
  return found;
}

async function store(to: string, count: number): Promise<void> {
  const romeo = await core.online('romeo', 'orchard');
  for (let i = 0; i < count; i++) {
    romeo.send(`<message to='${to}@localhost' type='chat'><body>m${i}</body></message>`);
  }
  await romeo.expectNothing();
  await romeo.close();
}

test('a stored message is gone when it was acknowledged, and there again, once, when it was not', async () => {
  await store('juliet', 4);
  const first = await core.login('juliet', 'balcony');
  first.send(`<enable xmlns='${SM}' resume='true'/>`);
  await first.element('enabled');
  first.send('<presence/>');
  assert.deepEqual(await bodies(first, 4), ['m0', 'm1', 'm2', 'm3']);
  // the presence of its own and two of the messages
  first.send(`<a xmlns='${SM}' h='3'/>`);
  await first.ping();
  first.cut();
  // the session ends without being resumed
  const second = await core.login('juliet', 'balcony');
  second.send('<presence/>');
  assert.deepEqual(await bodies(second, 2), ['m2', 'm3']);
  await second.close();
  const third = await core.login('juliet', 'balcony');
  third.send('<presence/>');
  await third.stanza((stanza) => stanza.name === 'presence');
  await third.expectNothing();
  await third.close();
});

test('what comes while stored messages wait for their acknowledgement comes at once, behind them', async () => {
  await store('nurse', 3);
  const nurse = await core.login('nurse', 'chamber');
  nurse.send(`<enable xmlns='${SM}'/>`);
  await nurse.element('enabled');
  nurse.send('<presence/>');
  const romeo = await core.online('romeo', 'orchard');
  romeo.send("<message to='nurse@localhost' type='chat'><body>live</body></message>");
  assert.deepEqual(await bodies(nurse, 4), ['m0', 'm1', 'm2', 'live']);
  await romeo.close();
  await nurse.close();
});
