import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Component } from '../../../shared/component/component.js';
import { xml } from '../../../shared/xml/element.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentOf } from '../../tools/component.js';
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
  taken,
  unblock,
} from '../../tools/privacy.js';

// Every door at which a stanza reaches, leaves, or is kept for an account (XEP-0016 §2.2 rule 4, §2.14; XEP-0191 §3.3).
let core: CoreUnderTest;
let room: Component;
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'privacy,room',
    COMPONENT_PRIVACY_SECRET: 'secret',
    COMPONENT_ROOM_DOMAIN: 'room.localhost',
    COMPONENT_ROOM_SECRET: 'secret',
    COMPONENT_ROOM_GRANTS:
      'message:outgoing multicast roster:get iq:jabber:iq:version=get delegate:urn:example:delegated',
  });
  await core.component('privacy');
  room = componentOf(core, 'room');
  room.onMessage(() => {});
  room.onPresence(() => {});
  room.onIq('get', 'urn:example:delegated', 'query', () => undefined);
  await room.start();
});
after(async () => {
  await room.stop('leaving');
  await core.stop();
});

const somebody = (name: string, resource?: string) => newcomer(core, name, resource);

/** Waits until the core has taken what the component sent: the link keeps order. */
async function roomBarrier(): Promise<void> {
  await room.request(xml('iq', { type: 'get', to: 'localhost' }, xml('ping', { xmlns: 'urn:xmpp:ping' })));
}

test('XEP-0191 §3.3: what a blocked sender hears for each kind of stanza', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  await block(romeo, bare(tybalt));
  await romeo.ping();
  forget(romeo);
  const to = [romeo.jid, bare(romeo)];
  for (const [index, address] of to.entries()) {
    for (const type of ['chat', 'normal', 'headline', 'groupchat', 'error']) {
      tybalt.send(`<message to='${address}' type='${type}' id='${type}${index}'><body>x</body></message>`);
    }
    for (const type of [
      '',
      'unavailable',
      'subscribe',
      'subscribed',
      'unsubscribe',
      'unsubscribed',
      'probe',
    ]) {
      tybalt.send(`<presence to='${address}' ${type === '' ? '' : `type='${type}'`} id='p${type}${index}'/>`);
    }
    tybalt.send(`<iq to='${address}' type='get' id='get${index}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    tybalt.send(`<iq to='${address}' type='set' id='set${index}'><x xmlns='urn:example'/></iq>`);
    tybalt.send(`<iq to='${address}' type='result' id='result${index}'/>`);
    tybalt.send(
      `<iq to='${address}' type='get' id='del${index}'><query xmlns='urn:example:delegated'/></iq>`,
    );
  }
  await both(tybalt, romeo);
  const refused = to.flatMap((from, index) =>
    ['message error chat', 'message error normal', 'iq error get', 'iq error set', 'iq error del'].map(
      (text) => {
        const [name, type, id] = text.split(' ');
        return `${name} ${type} ${from} ${id}${index}`;
      },
    ),
  );
  const heard = taken(tybalt).filter((line) => !line.startsWith('iq set'));
  assert.deepEqual(heard.sort(), refused.sort());
  assert.deepEqual(taken(romeo), []);
  await romeo.close();
  await tybalt.close();
});

test('XEP-0191 §3.3: one’s own stanzas to a blocked contact are not-acceptable and blocked; answers are dropped', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  await block(romeo, bare(tybalt));
  await romeo.ping();
  forget(romeo, tybalt);
  for (const stanza of [
    "message id='1' type='chat'><body>x</body></message",
    "iq id='2' type='get'><ping xmlns='urn:xmpp:ping'/></iq",
    "presence id='3'/",
    "presence id='4' type='subscribe'/",
    "presence id='5' type='probe'/",
  ]) {
    romeo.send(`<${stanza.replace(' id', ` to='${bare(tybalt)}' id`)}>`);
    const id = /id='(\d)'/.exec(stanza)?.[1];
    const answer = await romeo.stanza((one) => one.id === id);
    assert.equal(outcome(answer), 'not-acceptable+blocked', stanza);
    assert.equal(StanzaError.fromStanza(answer).type, 'cancel', stanza);
  }
  romeo.send(
    `<iq to='${tybalt.jid}' id='6' type='result'/><message to='${tybalt.jid}' id='7' type='error'/>`,
  );
  await both(romeo, tybalt);
  assert.deepEqual(taken(romeo), []);
  assert.deepEqual(taken(tybalt), []);
  await romeo.close();
  await tybalt.close();
});

test('XEP-0016 §2.9, §2.12: an item with kinds stops what comes in only; a refusal by one’s own server still arrives', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  await befriend(romeo, tybalt);
  await configure(
    romeo,
    `<list name='l'><item type='jid' value='${bare(tybalt)}' action='deny' order='1'><message/><iq/></item></list>`,
    "<default name='l'/>",
  );
  await romeo.ping();
  forget(romeo);
  romeo.send(`<message to='${tybalt.jid}' type='chat' id='out'><body>x</body></message>`);
  assert.equal((await tybalt.stanza((stanza) => stanza.name === 'message')).id, 'out');
  romeo.send(`<iq to='${tybalt.jid}' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await tybalt.stanza((stanza) => stanza.id === 'q');
  tybalt.send(`<iq to='${romeo.jid}' type='result' id='q'/>`);
  romeo.send(`<iq to='${bare(tybalt)}/nobody' type='get' id='q2'><ping xmlns='urn:xmpp:ping'/></iq>`);
  assert.equal(outcome(await romeo.stanza((stanza) => stanza.id === 'q2')), 'service-unavailable');
  await both(tybalt, romeo);
  assert.deepEqual(taken(romeo), [], 'the result of a blocked peer is dropped');
  await romeo.close();
  await tybalt.close();
});

test('XEP-0016 §2.1: nothing is ever blocked between one’s own resources, bare JID and server', async () => {
  const romeo = await somebody('romeo', 'one');
  const name = bare(romeo).replace(/@.*/, '');
  const other = await core.online(name, 'two');
  await configure(
    romeo,
    "<list name='nobody'><item action='deny' order='1'/></list>",
    "<default name='nobody'/>",
  );
  await block(romeo, bare(romeo), 'localhost');
  await both(romeo, other);
  forget(romeo, other);
  romeo.send(`<message to='${other.jid}' type='chat' id='m1'><body>x</body></message>`);
  assert.equal((await other.stanza((stanza) => stanza.name === 'message')).id, 'm1');
  romeo.send(`<message to='${bare(romeo)}' type='chat' id='m2'><body>x</body></message>`);
  assert.equal((await other.stanza((stanza) => stanza.name === 'message')).id, 'm2');
  romeo.send('<presence><show>away</show></presence>');
  await other.stanza((stanza) => stanza.name === 'presence');
  for (const to of ['localhost', bare(romeo)]) {
    const info = await romeo.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", to);
    assert.equal(info.type, 'result', info.source);
  }
  await romeo.close();
  await other.close();
});

test('Messages for nobody: refused by the default list, not stored; stored ones wait while their sender is blocked', async () => {
  const romeo = await somebody('romeo');
  const name = bare(romeo).replace(/@.*/, '');
  const tybalt = await somebody('tybalt');
  const romeosBare = bare(romeo);
  await block(romeo, bare(tybalt));
  await romeo.close();
  tybalt.send(`<message to='${romeosBare}' type='chat' id='o1'><body>x</body></message>`);
  assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 'o1')), 'service-unavailable');
  const quiet = await core.login(name, 'quiet');
  await unblock(quiet);
  tybalt.send(`<message to='${romeosBare}' type='chat' id='o2'><body>y</body></message>`);
  await tybalt.ping();
  await block(quiet, bare(tybalt));
  await quiet.ping();
  forget(quiet);
  quiet.send('<presence/>');
  await quiet.stanza((stanza) => stanza.name === 'presence');
  await quiet.ping();
  assert.deepEqual(taken(quiet), []);
  await unblock(quiet);
  quiet.send('<presence/>');
  assert.equal((await quiet.stanza((stanza) => stanza.name === 'message')).id, 'o2');
  await quiet.close();
  await tybalt.close();
});

test('Groupchat and multicast of a blocked room or occupant are dropped: a bounce would end the occupancy', async () => {
  const romeo = await somebody('romeo');
  const juliet = await somebody('juliet');
  await block(romeo, 'pit@room.localhost/tybalt');
  await romeo.ping();
  forget(romeo);
  const bounced: string[] = [];
  room.onMessage((message) => {
    if (message.type === 'error') bounced.push(message.id ?? '');
  });
  room.send(
    `<message from='pit@room.localhost/tybalt' to='${romeo.jid}' type='groupchat' id='g1'><body>x</body></message>`,
  );
  room.send(
    `<message from='pit@room.localhost/tybalt' to='localhost' type='groupchat' id='g2'><addresses xmlns='http://jabber.org/protocol/address'>` +
      `<address type='bcc' jid='${romeo.jid}'/><address type='bcc' jid='${juliet.jid}'/></addresses><body>x</body></message>`,
  );
  room.send(
    `<message from='pit@room.localhost/nurse' to='${romeo.jid}' type='groupchat' id='g3'><body>x</body></message>`,
  );
  assert.equal((await juliet.stanza((stanza) => stanza.name === 'message')).id, 'g2');
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'g3');
  await roomBarrier();
  assert.deepEqual(bounced, []);
  await romeo.close();
  await juliet.close();
});

test('Privileged messages and IQs in an account’s name obey its rules, and those from others reach nobody who blocked them', async () => {
  const romeo = await somebody('romeo');
  const tybalt = await somebody('tybalt');
  const event = (from: string, to: string, id: string) =>
    xml(
      'message',
      { from, to, id, type: 'headline' },
      xml('event', { xmlns: 'http://jabber.org/protocol/pubsub#event' }),
    );
  const asRomeo = () =>
    room.privileged.requestAs(
      xml(
        'iq',
        { type: 'get', id: 'v', from: bare(romeo), to: tybalt.jid },
        xml('query', { xmlns: 'jabber:iq:version' }),
      ),
    );
  await block(romeo, bare(tybalt));
  await both(romeo, tybalt);
  forget(romeo, tybalt);
  room.privileged.sendMessageAs(event(bare(romeo), tybalt.jid, 'e1'));
  room.privileged.sendMessageAs(event(bare(tybalt), romeo.jid, 'e2'));
  await assert.rejects(asRomeo(), /not-acceptable/);
  await both(romeo, tybalt);
  assert.deepEqual(taken(romeo), []);
  assert.deepEqual(taken(tybalt), []);
  await unblock(romeo);
  // XEP-0016 §2.1, footnote: <presence-out/> stops presence-like notifications too
  await configure(
    romeo,
    `<list name='l'><item type='jid' value='${bare(tybalt)}' action='deny' order='1'><presence-out/></item></list>`,
    "<default name='l'/>",
  );
  forget(romeo, tybalt);
  room.privileged.sendMessageAs(event(bare(romeo), tybalt.jid, 'e3'));
  room.privileged.sendMessageAs(event(bare(tybalt), romeo.jid, 'e4'));
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'e4');
  await both(romeo, tybalt);
  assert.deepEqual(taken(tybalt), []);
  await romeo.close();
  await tybalt.close();
});

test('Carbons: a resource whose active list forbids the peer gets no copies', async () => {
  const romeo = await somebody('romeo', 'one');
  const name = bare(romeo).replace(/@.*/, '');
  const other = await core.online(name, 'two');
  const tybalt = await somebody('tybalt');
  await configure(
    other,
    `<list name='l'><item type='jid' value='${bare(tybalt)}' action='deny' order='1'/></list>`,
    "<active name='l'/>",
  );
  await other.iq('set', "<enable xmlns='urn:xmpp:carbons:2'/>");
  await both(romeo, other);
  forget(romeo, other);
  tybalt.send(`<message to='${romeo.jid}' type='chat' id='c1'><body>x</body></message>`);
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'c1');
  romeo.send(`<message to='${tybalt.jid}' type='chat' id='c2'><body>x</body></message>`);
  await tybalt.stanza((stanza) => stanza.id === 'c2');
  await both(romeo, other);
  assert.deepEqual(taken(other), []);
  await romeo.close();
  await other.close();
  await tybalt.close();
});

test('XEP-0016 §2.2 rule 4: a blocked request changes no roster, gets no answer and is not shown later', async () => {
  const romeo = await somebody('romeo');
  const name = bare(romeo).replace(/@.*/, '');
  const tybalt = await somebody('tybalt');
  await block(romeo, bare(tybalt));
  await both(romeo, tybalt);
  forget(romeo, tybalt);
  tybalt.send(`<presence to='${bare(romeo)}' type='subscribe' id='s1'/>`);
  await both(tybalt, romeo);
  await unblock(romeo);
  await romeo.close();
  const again = await core.online(name, 'again');
  await again.ping();
  assert.deepEqual(
    taken(again).filter((line) => line.startsWith('presence subscribe')),
    [],
  );
  assert.deepEqual(
    taken(tybalt).filter((line) => line.startsWith('presence')),
    [],
  );
  await again.close();
  await tybalt.close();
});

test('A request that came before the block is not shown to a resource after it', async () => {
  const romeo = await somebody('romeo');
  const name = bare(romeo).replace(/@.*/, '');
  const tybalt = await somebody('tybalt');
  tybalt.send(`<presence to='${bare(romeo)}' type='subscribe' id='s1'/>`);
  await romeo.stanza((stanza) => stanza.type === 'subscribe');
  await block(romeo, bare(tybalt));
  await romeo.close();
  const again = await core.online(name, 'again');
  await again.ping();
  assert.deepEqual(
    taken(again).filter((line) => line.includes('subscribe')),
    [],
  );
  await again.close();
  await tybalt.close();
});
