import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

/** Sends until it is killed in the middle, and remembers what was acknowledged. */
async function untilKilled(
  core: CoreUnderTest,
  client: RawClient,
  request: (n: number) => string,
  acknowledged: (n: number) => void,
): Promise<void> {
  let sent = 0;
  for (; sent < 300; sent++) client.send(request(sent));
  let answers = 0;
  for (;;) {
    const next = await client.next();
    if (next.kind === 'lost' || next.kind === 'closed') return;
    if (next.kind !== 'element' || next.stanza.name !== 'iq' || next.stanza.type !== 'result') continue;
    acknowledged(Number(next.stanza.id));
    answers++;
    // in the middle of the rest, with no chance to clean up
    if (answers === 40) core.process.child.kill('SIGKILL');
  }
}

test('kill -9: no acknowledged roster item is lost', async (t) => {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('juliet');
  const juliet = await core.login('juliet');
  const kept = new Set<string>();
  await untilKilled(
    core,
    juliet,
    (n) =>
      `<iq type='set' id='${n}'><query xmlns='jabber:iq:roster'><item jid='c${n}@localhost' name='n${n}'/></query></iq>`,
    (n) => kept.add(`c${n}@localhost`),
  );
  assert.ok(kept.size >= 40);
  await core.restart('SIGKILL');
  const back = await core.login('juliet');
  const roster = await back.iq('get', "<query xmlns='jabber:iq:roster'/>");
  const items = new Set(
    (roster.element.getChild('query')?.getChildren('item') ?? []).map(({ attrs }) => attrs['jid'] ?? ''),
  );
  assert.deepEqual(
    [...kept].filter((jid) => !items.has(jid)),
    [],
  );
});

test('kill -9: no message that XEP-0198 acknowledged is lost, none is doubled, and their order stays', async (t) => {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const romeo = await core.login('romeo');
  romeo.send("<enable xmlns='urn:xmpp:sm:3'/>");
  await romeo.element('enabled');
  let acknowledged = 0;
  const count = 300;
  for (let i = 0; i < count; i++) {
    romeo.send(`<message to='juliet@localhost' type='chat' id='m${i}'><body>${i}</body></message>`);
    if (i % 10 === 9) romeo.send("<r xmlns='urn:xmpp:sm:3'/>");
  }
  for (;;) {
    const next = await romeo.next();
    if (next.kind === 'lost' || next.kind === 'closed') break;
    if (next.kind !== 'element' || next.stanza.name !== 'a') continue;
    acknowledged = Number(next.stanza.attribute('h'));
    if (acknowledged >= 50) core.process.child.kill('SIGKILL');
  }
  assert.ok(acknowledged >= 50);
  await core.restart('SIGKILL');
  const other = await core.login('romeo', 'other');
  const juliet = await core.online('juliet');
  other.send("<message to='juliet@localhost/test' id='end'><body>end</body></message>");
  const ids: string[] = [];
  for (;;) {
    const message = await juliet.stanza((stanza) => stanza.name === 'message');
    if (message.id === 'end') break;
    ids.push(message.id ?? '');
  }
  assert.deepEqual(
    ids,
    Array.from({ length: ids.length }, (_, i) => `m${i}`),
    'a beginning of what was sent, in order, each once',
  );
  assert.ok(ids.length >= acknowledged, `${ids.length} are there, ${acknowledged} were acknowledged`);
});

test('kill -9: no acknowledged account, password or subscription is lost', async (t) => {
  const core = await CoreUnderTest.start({ REGISTRATION: 'open' });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const client = await core.connect();
  await client.open('localhost');
  const made: string[] = [];
  for (let i = 0; i < 5; i++) {
    const answer = await client.iq(
      'set',
      `<query xmlns='jabber:iq:register'><username>new${i}</username><password>secret</password></query>`,
    );
    assert.equal(answer.type, 'result');
    made.push(`new${i}`);
  }
  const romeo = await core.online('romeo');
  const changed = await romeo.iq(
    'set',
    "<query xmlns='jabber:iq:register'><username>romeo</username><password>other</password></query>",
  );
  assert.equal(changed.type, 'result');
  const juliet = await core.online('juliet');
  romeo.send("<presence type='subscribe' to='juliet@localhost'/>");
  await juliet.stanza((stanza) => stanza.type === 'subscribe');
  juliet.send(
    "<enable xmlns='urn:xmpp:sm:3'/><presence type='subscribed' to='romeo@localhost'/><r xmlns='urn:xmpp:sm:3'/>",
  );
  const ack = await juliet.stanza((stanza) => stanza.name === 'a' && stanza.attribute('h') === '1');
  assert.ok(ack);
  await core.restart('SIGKILL');
  for (const name of made) await (await core.login(name)).close();
  const back = await core.connect();
  await back.login('romeo', 'other', 'localhost', 'back');
  const roster = await back.iq('get', "<query xmlns='jabber:iq:roster'/>");
  assert.match(roster.source, /jid='juliet@localhost' subscription='to'/);
  const julietBack = await core.login('juliet');
  const hers = await julietBack.iq('get', "<query xmlns='jabber:iq:roster'/>");
  assert.match(hers.source, /jid='romeo@localhost' subscription='from'/);
});

test('SIGTERM: what waits for a client, or was not acknowledged by it, is stored and delivered after the restart', async (t) => {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet', 'nurse');
  const romeo = await core.login('romeo');
  const send = (to: string, id: string) =>
    romeo.send(`<message to='${to}@localhost' type='chat' id='${id}'><body>${id}</body></message>`);
  // juliet's connection is broken, nurse has not acknowledged anything
  const juliet = await core.online('juliet', 'broken');
  juliet.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  await juliet.stanza((stanza) => stanza.name === 'enabled');
  juliet.cut();
  const nurse = await core.online('nurse', 'silent');
  nurse.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  await nurse.stanza((stanza) => stanza.name === 'enabled');
  for (let i = 0; i < 20; i++) {
    send('juliet', `j${i}`);
    send('nurse', `n${i}`);
  }
  for (let i = 0; i < 20; i++) await nurse.stanza((stanza) => stanza.id === `n${i}`);
  await romeo.ping();
  await core.restart('SIGTERM');
  const again = await core.login('romeo', 'again');
  for (const [name, letter] of [
    ['juliet', 'j'],
    ['nurse', 'n'],
  ]) {
    const client = await core.online(`${name}`, 'new');
    again.send(`<message to='${name}@localhost/new' id='end'><body>end</body></message>`);
    for (let i = 0; i < 20; i++)
      assert.equal((await client.stanza((stanza) => stanza.name === 'message')).id, `${letter}${i}`);
    assert.equal((await client.stanza((stanza) => stanza.name === 'message')).id, 'end');
  }
});
