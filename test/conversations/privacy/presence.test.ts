import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import {
  bare,
  befriend,
  block,
  both,
  configure,
  forget,
  newcomer,
  outcome,
  PRIVACY_ONLY,
  taken,
  unblock,
} from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// Whom lists and blocks let see who is there (XEP-0016 §2.10, §2.11; XEP-0191 §3.3).
let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start(PRIVACY_ONLY);
  await core.component('privacy');
});
after(() => core?.stop());

const somebody = (name: string, resource?: string) => newcomer(core, name, resource);

test('XEP-0191 §3.3, §3.4: a blocked contact sees us leave, an unblocked one sees us again', async () => {
  const juliet = await somebody('juliet', 'balcony');
  const nurse = await somebody('nurse', 'chamber');
  await befriend(juliet, nurse);
  await block(juliet, bare(nurse));
  const gone = await nurse.stanza((stanza) => stanza.name === 'presence');
  assert.equal(gone.type, 'unavailable');
  assert.equal(gone.from, juliet.jid);
  const hers = await juliet.stanza((stanza) => stanza.name === 'presence');
  assert.equal(hers.type, 'unavailable');
  await unblock(juliet, bare(nurse));
  const back = await nurse.stanza((stanza) => stanza.name === 'presence');
  assert.equal(back.type, undefined);
  await juliet.close();
  await nurse.close();
});

test('XEP-0191 §3.3: a blocked contact who logs in or probes learns nothing, online or not', async () => {
  const romeo = await somebody('romeo');
  const name = bare(romeo).replace(/@.*/, '');
  const tybalt = await somebody('tybalt');
  const tybaltsName = bare(tybalt).replace(/@.*/, '');
  await befriend(romeo, tybalt);
  await block(romeo, bare(tybalt));
  await tybalt.stanza((stanza) => stanza.type === 'unavailable');
  await tybalt.close();
  for (const here of [true, false]) {
    if (!here) await romeo.close();
    const again = await core.online(tybaltsName, 'again');
    again.send(`<presence to='${name}@localhost' type='probe' id='pr'/>`);
    await again.ping();
    assert.deepEqual(taken(again), [], here ? 'while online' : 'while offline');
    await again.close();
  }
});

test('XEP-0016 §2.11: with presence-out denied nobody can tell online from offline by a probe', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  const tybaltsName = bare(tybalt).replace(/@.*/, '');
  const romeosBare = bare(romeo);
  await befriend(romeo, tybalt);
  await configure(
    romeo,
    `<list name='l'><item type='jid' value='${bare(tybalt)}' action='deny' order='1'><presence-out/></item></list>`,
    "<default name='l'/>",
  );
  assert.equal((await tybalt.stanza((stanza) => stanza.name === 'presence')).type, 'unavailable');
  await tybalt.close();
  for (const here of [true, false]) {
    if (!here) await romeo.close();
    const again = await core.online(tybaltsName, 'again');
    again.send(`<presence to='${romeosBare}' type='probe'/><presence to='${romeosBare}/r' type='probe'/>`);
    await again.ping();
    assert.deepEqual(taken(again), [], here ? 'while online' : 'while offline');
    await again.close();
  }
});

test('Directed presence: a block takes it back at once, and the end of the session is not told', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  romeo.send(`<presence to='${tybalt.jid}'/>`);
  await tybalt.stanza((stanza) => stanza.name === 'presence' && stanza.from === romeo.jid);
  await block(romeo, bare(tybalt));
  assert.equal((await tybalt.stanza((stanza) => stanza.from === romeo.jid)).type, 'unavailable');
  await romeo.close();
  await tybalt.ping();
  assert.deepEqual(taken(tybalt), []);
  await tybalt.close();
});

test('XEP-0016 §2.10, §2.11: making a list active moves that resource’s presence both ways, and only that one’s', async () => {
  const romeo = await somebody('romeo', 'one');
  const name = bare(romeo).replace(/@.*/, '');
  const juliet = await somebody('juliet');
  await befriend(romeo, juliet);
  const other = await core.online(name, 'two');
  await both(other, juliet);
  await both(romeo, juliet);
  forget(romeo, other, juliet);
  await configure(
    romeo,
    `<list name='l'><item type='jid' value='${bare(juliet)}' action='deny' order='1'/></list>`,
    "<active name='l'/>",
  );
  await both(romeo, juliet);
  await other.ping();
  const presences = (client: RawClient) => taken(client).filter((line) => line.startsWith('presence'));
  assert.deepEqual(presences(juliet), [`presence unavailable ${romeo.jid} -`]);
  assert.deepEqual(presences(romeo), [`presence unavailable ${juliet.jid} -`]);
  assert.deepEqual(presences(other), []);
  await configure(romeo, '<active/>');
  await both(romeo, juliet);
  assert.deepEqual(presences(juliet), [`presence - ${romeo.jid} -`]);
  assert.deepEqual(presences(romeo), [`presence - ${juliet.jid} -`]);
  await romeo.close();
  await other.close();
  await juliet.close();
});

test('XEP-0016 §2.2 rule 9: groups are those of the roster now; who is moved into a denied one sees the user leave', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  await befriend(romeo, tybalt);
  const move = (groups: string) =>
    romeo.iq('set', `<query xmlns='jabber:iq:roster'><item jid='${bare(tybalt)}'>${groups}</item></query>`);
  await move('<group>Enemies</group>');
  await configure(
    romeo,
    "<list name='l'><item type='group' value='Enemies' action='deny' order='1'/></list>",
    "<default name='l'/>",
  );
  const last = (client: RawClient) => taken(client).filter((line) => line.startsWith('presence'));
  await both(romeo, tybalt);
  assert.deepEqual(last(tybalt), [`presence unavailable ${romeo.jid} -`]);
  forget(romeo);
  await move('<group>Friends</group>');
  await both(romeo, tybalt);
  assert.deepEqual(last(tybalt), [`presence - ${romeo.jid} -`]);
  assert.deepEqual(last(romeo), [`presence - ${tybalt.jid} -`]);
  tybalt.send(`<message to='${romeo.jid}' type='chat' id='f'><body>x</body></message>`);
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'f');
  await move('<group>Enemies</group>');
  tybalt.send(`<message to='${romeo.jid}' type='chat' id='e'><body>x</body></message>`);
  assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 'e')), 'service-unavailable');
  await romeo.close();
  await tybalt.close();
});
