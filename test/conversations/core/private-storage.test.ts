import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { outcome } from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// XEP-0049 as clients see it.

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_PRIVATE_BYTES: '2000' });
  await core.addUsers('romeo', 'juliet');
  romeo = await core.online('romeo');
});
after(async () => {
  await romeo?.close();
  await core?.stop();
});

const query = (content: string): string => `<query xmlns='jabber:iq:private'>${content}</query>`;
const prefs = (content = ''): string =>
  content === '' ? "<exodus xmlns='exodus:prefs'/>" : `<exodus xmlns='exodus:prefs'>${content}</exodus>`;
const notes = (text: string): string =>
  `<storage xmlns='storage:rosternotes'><note jid='a@b'>${text}</note></storage>`;

async function get(client: RawClient, content: string): Promise<string> {
  const answer = await client.iq('get', query(content));
  assert.equal(answer.type, 'result', answer.source);
  return answer.element.getChild('query', 'jabber:iq:private')?.children.map(String).join('') ?? '';
}
const set = (client: RawClient, content: string, to?: string): Promise<Stanza> =>
  client.iq('set', query(content), to);

test('§"Elements": what is stored is returned, by name and namespace; what never was, empty', async () => {
  assert.equal(await get(romeo, prefs()), '<exodus xmlns="exodus:prefs"/>');
  assert.equal(outcome(await set(romeo, prefs('<nick>Ham &lt;3 é</nick>'))), 'result');
  assert.equal(outcome(await set(romeo, notes('x'), 'romeo@localhost')), 'result');
  assert.equal(await get(romeo, prefs()), '<exodus xmlns="exodus:prefs"><nick>Ham &lt;3 é</nick></exodus>');
  assert.match(await get(romeo, "<storage xmlns='storage:rosternotes'/>"), /<note jid="a@b">x<\/note>/);
  assert.equal(
    await get(romeo, "<storage xmlns='storage:bookmarks'/>"),
    '<storage xmlns="storage:bookmarks"/>',
  );
  // several at once; each in the place of the one before
  assert.equal(outcome(await set(romeo, prefs('<nick>Macbeth</nick>') + notes('y'))), 'result');
  assert.match(await get(romeo, prefs()), /Macbeth/);
  assert.match(await get(romeo, "<storage xmlns='storage:rosternotes'/>"), />y</);
  assert.equal(outcome(await set(romeo, prefs())), 'result');
  assert.equal(await get(romeo, prefs()), '<exodus xmlns="exodus:prefs"/>');
});

test('prefixes that are declared around a fragment are kept with it', async () => {
  romeo.send(
    "<iq type='set' id='p1' xmlns:p='urn:p'><query xmlns='jabber:iq:private'><p:x p:a='1'><p:y/></p:x></query></iq>",
  );
  assert.equal((await romeo.stanza((stanza) => stanza.id === 'p1')).type, 'result');
  assert.match(await get(romeo, "<x xmlns='urn:p'/>"), /<p:x p:a="1" xmlns:p="urn:p"><p:y\/><\/p:x>/);
  assert.match(await get(romeo, notes('')), /<storage /, 'and the others are still there');
  assert.equal(outcome(await set(romeo, "<x xmlns='urn:p'/>")), 'result');
});

test('resources that set at once lose nothing of each other', async () => {
  const others = [romeo, await core.login('romeo', 'two'), await core.login('romeo', 'three')];
  const answers = await Promise.all(
    others.map((client, at) => set(client, `<data xmlns='urn:example:${at}'>${at}</data>`)),
  );
  assert.deepEqual(answers.map(outcome), ['result', 'result', 'result']);
  for (const at of [0, 1, 2])
    assert.match(await get(romeo, `<data xmlns='urn:example:${at}'/>`), new RegExp(`>${at}<`));
  for (const client of others.slice(1)) await client.close();
});

test('what is no request of the format, too much, and others’ data', async () => {
  assert.equal(outcome(await set(romeo, '')), 'not-acceptable');
  assert.equal(outcome(await set(romeo, '<x/>')), 'not-acceptable');
  assert.equal(outcome(await romeo.iq('get', query(''))), 'bad-request');
  assert.equal(outcome(await romeo.iq('get', query(prefs() + prefs()))), 'bad-request');
  assert.equal(outcome(await set(romeo, prefs(`<a>${'x'.repeat(2000)}</a>`))), 'resource-constraint');
  // to another, as if there were nobody
  for (const jid of ['juliet@localhost', 'nobody@localhost']) {
    assert.equal(outcome(await set(romeo, prefs('<a/>'), jid)), 'service-unavailable');
    assert.equal(outcome(await romeo.iq('get', query(prefs()), jid)), 'service-unavailable');
  }
});

test('it survives a restart, and goes with its account', async () => {
  assert.equal(outcome(await set(romeo, prefs('<nick>kept</nick>'))), 'result');
  await romeo.close();
  await core.restart('SIGKILL');
  romeo = await core.online('romeo');
  assert.match(await get(romeo, prefs()), /kept/);
  await core.control('user.remove', { jid: 'romeo@localhost' });
  await core.addUsers('romeo');
  romeo = await core.online('romeo');
  assert.equal(await get(romeo, prefs()), '<exodus xmlns="exodus:prefs"/>');
});
