import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
let romeo: RawClient;
let phone: RawClient;
let desk: RawClient;

before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
  romeo = await core.online('romeo', 'orchard');
  phone = await core.online('juliet', 'phone');
  desk = await core.online('juliet', 'desk');
  for (const client of [phone, desk]) {
    assert.equal((await client.iq('set', "<enable xmlns='urn:xmpp:carbons:2'/>")).type, 'result');
    await client.ping();
    client.received.length = 0;
  }
});
after(() => core.stop());

test('XEP-0280 §7: what one device receives the other gets as a copy', async () => {
  romeo.send("<message to='juliet@localhost/phone' type='chat' id='c1'><body>hi</body></message>");
  assert.equal((await phone.element('message')).id, 'c1');
  await desk.expect(
    "<message from='juliet@localhost' to='juliet@localhost/desk' type='chat'><received xmlns='urn:xmpp:carbons:2'>" +
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@localhost/orchard' " +
      "to='juliet@localhost/phone' type='chat' id='c1'><body>hi</body></message></forwarded></received></message>",
  );
  await phone.expectNothing();
});

test('XEP-0280 §7 SHOULD: the copy has the type of the original, said or not', async () => {
  for (const type of ["type='normal' ", '']) {
    romeo.send(`<message to='juliet@localhost/phone' ${type}id='t'><body>hi</body></message>`);
    const original = await phone.element('message');
    assert.equal((await desk.element('message')).type, original.type);
  }
});

test('XEP-0280 §8: what one device sends the other gets as a copy, but nothing private', async () => {
  phone.send("<message to='romeo@localhost/orchard' type='chat' id='c2'><body>ho</body></message>");
  assert.equal((await romeo.element('message')).id, 'c2');
  const copy = await desk.element('message');
  assert.ok(copy.hasChild('sent', 'urn:xmpp:carbons:2'), copy.source);
  for (const mark of ["<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"]) {
    phone.send(`<message to='romeo@localhost/orchard' type='chat'><body>secret</body>${mark}</message>`);
    await romeo.element('message');
  }
  await phone.ping();
  await desk.expectNothing();
});

test('XEP-0280 §6.1: neither groupchat, headline nor the private messages of rooms are copied', async () => {
  romeo.send("<message to='juliet@localhost/phone' type='groupchat'><body>x</body></message>");
  romeo.send("<message to='juliet@localhost/phone' type='headline'><body>x</body></message>");
  romeo.send(
    "<message to='juliet@localhost/phone' type='chat'><body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
  );
  for (let i = 0; i < 3; i++) await phone.element('message');
  await romeo.ping();
  await desk.expectNothing();
});

test('XEP-0352: an inactive client gets presence late and merged, and first, when something important comes', async () => {
  desk.send("<inactive xmlns='urn:xmpp:csi:0'/>");
  await desk.ping();
  phone.send('<presence><show>away</show></presence><presence><show>dnd</show></presence>');
  await phone.ping();
  romeo.send("<message to='juliet@localhost/desk' type='normal' id='n1'><body>now</body></message>");
  const presence = await desk.element('presence');
  assert.equal(presence.element.getChildText('show'), 'dnd');
  assert.equal((await desk.element('message')).id, 'n1');
});

test('XEP-0280 §8: what one writes to oneself comes once to each other device and not back as a copy', async () => {
  for (const client of [romeo, phone, desk]) {
    await client.ping();
    client.received.length = 0;
  }
  for (const to of ['', " to='juliet@localhost/desk'"]) {
    phone.send(`<message type='chat' id='self${to.length}'${to}><body>note</body></message>`);
    await desk.stanza((stanza) => stanza.id === `self${to.length}`);
    await desk.expectNothing();
    // addressed to the account it is one of the sender's own, too: as itself, not as a copy
    if (to === '') assert.equal((await phone.element('message')).id, 'self0');
    await phone.expectNothing();
  }
});

test('XEP-0352: what an inactive client itself comes to in a room is told at once', async () => {
  desk.send("<inactive xmlns='urn:xmpp:csi:0'/>");
  await desk.ping();
  const occupant = (code: string) =>
    `<presence to='juliet@localhost/desk' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'>` +
    `<item affiliation='none' role='none'/><status code='${code}'/></x></presence>`;
  romeo.send(occupant('301'));
  romeo.send(occupant('110'));
  assert.match((await desk.element('presence')).source, /301/);
  assert.match((await desk.element('presence')).source, /110/);
});

test('XEP-0352: no more than 128 KiB are held', async () => {
  desk.send("<inactive xmlns='urn:xmpp:csi:0'/>");
  await desk.ping();
  desk.received.length = 0;
  const status = `<status>${'x'.repeat(60_000)}</status>`;
  for (const resource of ['a', 'b', 'c']) {
    const other = await core.login('romeo', resource);
    other.send(`<presence to='juliet@localhost/desk'>${status}</presence>`);
    await other.ping();
    // it stays: ending would be presence, too
  }
  for (const resource of ['a', 'b', 'c'])
    assert.equal((await desk.element('presence')).from, `romeo@localhost/${resource}`);
});

test('XEP-0280 §3, §6.1: the server says so; the error of a copied message is copied, another is not', async () => {
  const info = await phone.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  const features = info.element.getChild('query')?.getChildren('feature') ?? [];
  const vars = features.map((each) => each.attrs['var']);
  assert.ok(vars.includes('urn:xmpp:carbons:2') && vars.includes('urn:xmpp:carbons:rules:0'), vars.join());
  await desk.ping();
  phone.send("<message to='nobody@localhost' type='chat' id='e1'><body>x</body></message>");
  const sent = await desk.stanza((stanza) => stanza.hasChild('sent', 'urn:xmpp:carbons:2'));
  assert.match(sent.source, /id='e1'/);
  const copy = await desk.stanza((stanza) => stanza.hasChild('received', 'urn:xmpp:carbons:2'));
  assert.match(copy.source, /type='error'/);
  phone.send(
    "<message to='nobody@localhost' type='chat' id='e2'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>",
  );
  await phone.stanza((stanza) => stanza.id === 'e2' && stanza.type === 'error');
  await desk.expectNothing();
});
