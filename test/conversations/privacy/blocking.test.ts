import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import {
  BLOCKING,
  befriend,
  block,
  blockList,
  closeAll,
  configure,
  forget,
  newResources,
  outcome,
  PRIVACY_ONLY,
  privacyGet,
  privacySet,
  taken,
  unblock,
} from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// XEP-0191 as clients see it, and how it goes with XEP-0016 (§5).
let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start(PRIVACY_ONLY);
  await core.component('privacy');
});
after(() => core.stop());

const resources = (...names: string[]) => newResources(core, ...names);

/** The pushes that came: `block a b`, `unblock`, `list name`. */
async function pushes(client: RawClient): Promise<string[]> {
  await client.ping();
  const found: string[] = [];
  for (const item of client.received.splice(0)) {
    if (item.kind !== 'element' || item.stanza.type !== 'set') continue;
    const payload = item.stanza.element.getChildElements()[0];
    if (payload?.getNS() === BLOCKING) {
      const jids = payload.getChildren('item').map((child) => child.attrs['jid']);
      found.push([payload.getName(), ...jids].join(' '));
    } else found.push(`list ${payload?.getChild('list')?.attrs['name']}`);
  }
  return found;
}

async function items(client: RawClient, name: string): Promise<string[]> {
  const answer = await privacyGet(client, `<list name='${name}'/>`);
  const list = answer.element.getChild('query')?.getChild('list');
  return (list?.getChildren('item') ?? []).map(({ attrs }) =>
    [attrs['type'] ?? '*', attrs['value'] ?? '*', attrs['action']].join(' '),
  );
}
async function defaultList(client: RawClient): Promise<string | undefined> {
  return (await privacyGet(client)).element.getChild('query')?.getChild('default')?.attrs['name'];
}

test('§3.1: the server says that it supports both protocols', async () => {
  const clients = await resources('one');
  const [one] = clients as [RawClient];
  const info = await one.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  const features = info.element
    .getChild('query')
    ?.getChildren('feature')
    .map((feature) => feature.attrs['var']);
  for (const feature of [BLOCKING, 'jabber:iq:privacy']) assert.ok(features?.includes(feature), feature);
  assert.ok(!features?.some((feature) => feature?.startsWith('urn:entourage')), 'not for clients');
  const probe = await one.iq('get', "<hello xmlns='urn:entourage:privacy-enforcement:1'/>", 'localhost');
  assert.equal(outcome(probe), 'service-unavailable');
  await closeAll(clients);
});

test('§3.2–3.5: lists, pushes to the resources that asked, several at once, twice the same, unblock all', async () => {
  const clients = await resources('one', 'two', 'three');
  const [one, two, three] = clients as [RawClient, RawClient, RawClient];
  assert.deepEqual(await blockList(one), []);
  assert.deepEqual(await blockList(two), []);
  const jids = ['a@example.net/Work', 'b@example.net', 'example.org/Bot', 'example.com'];
  await block(one, 'A@Example.NET/Work', 'b@example.net', 'example.org/Bot', 'example.com', 'b@example.net');
  for (const client of [one, two]) {
    assert.deepEqual((await pushes(client)).sort(), [`block ${jids.join(' ')}`, 'list blocked']);
  }
  assert.deepEqual(await pushes(three), ['list blocked'], 'it never asked for the block list');
  assert.deepEqual(await blockList(one), jids);
  await block(one, 'b@example.net');
  assert.deepEqual(await pushes(two), [], 'nothing changed');
  await unblock(two, 'b@example.net', 'never@blocked.example');
  assert.deepEqual((await pushes(one)).sort(), ['list blocked', 'unblock b@example.net']);
  await unblock(one, 'a@example.net/Work', 'example.org/Bot');
  forget(one, two);
  await unblock(one, 'example.com');
  assert.deepEqual((await pushes(two)).at(-1), 'unblock example.com', 'an item stays an item');
  assert.equal(await defaultList(one), undefined, 'unset rather than left empty');
  await block(one, 'x@example.net', 'y@example.net');
  await pushes(two);
  await unblock(one);
  assert.deepEqual((await pushes(two)).sort(), ['list blocked', 'unblock'], '§3.5: to all at once');
  assert.deepEqual(await blockList(one), []);
  for (const [payload, condition] of [
    [`<block xmlns='${BLOCKING}'/>`, 'bad-request'],
    [`<block xmlns='${BLOCKING}'><item/></block>`, 'bad-request'],
    [`<block xmlns='${BLOCKING}'><item jid=''/></block>`, 'jid-malformed'],
    [`<block xmlns='${BLOCKING}'><item jid='a@b@c'/></block>`, 'jid-malformed'],
    [`<block xmlns='${BLOCKING}'><item jid='fine@example.net'/><item jid='@x'/></block>`, 'jid-malformed'],
    [`<unblock xmlns='${BLOCKING}'><item jid='@x'/></unblock>`, 'jid-malformed'],
  ] as const) {
    assert.equal(outcome(await one.iq('set', payload)), condition, payload);
  }
  assert.deepEqual(await blockList(one), [], 'all or nothing');
  await closeAll(clients);
});

test('§6: full JID, bare JID, domain with resource, domain: what each matches', async () => {
  await core.addUsers('mallory');
  const work = await core.online('mallory', 'Work');
  const home = await core.online('mallory', 'Home');
  const clients = await resources('r');
  const [one] = clients as [RawClient];
  let sent = 0;
  const blocked = async (client: RawClient): Promise<boolean> => {
    const id = `m${++sent}`;
    client.send(`<message to='${one.jid}' type='chat' id='${id}'><body>x</body></message>`);
    await client.ping();
    await one.ping();
    const here = taken(one).some((line) => line.endsWith(` ${id}`));
    const refused = taken(client).some((line) => line.startsWith('message error') && line.endsWith(` ${id}`));
    assert.equal(here, !refused);
    return refused;
  };
  for (const [jid, atWork, atHome] of [
    ['mallory@localhost/Work', true, false],
    ['mallory@localhost', true, true],
    ['localhost/Work', true, false],
    ['localhost', true, true],
    ['mallory@localhost/work', false, false],
    ['other@localhost', false, false],
    ['sub.localhost', false, false],
  ] as const) {
    await block(one, jid);
    assert.deepEqual([await blocked(work), await blocked(home)], [atWork, atHome], jid);
    await unblock(one, jid);
    assert.deepEqual([await blocked(work), await blocked(home)], [false, false], `${jid} unblocked`);
  }
  await closeAll([...clients, work, home]);
});

test('§5: block and unblock edit the default list, first in it; only jid+deny without kinds is the block list', async () => {
  const clients = await resources('one', 'two');
  const [one, two] = clients as [RawClient, RawClient];
  await blockList(two);
  await configure(
    one,
    "<list name='mine'><item type='jid' value='friend@example.net' action='allow' order='1'/>" +
      "<item type='jid' value='half@example.net' action='deny' order='2'><message/></item>" +
      "<item type='jid' value='foe@example.net' action='deny' order='3'/><item action='allow' order='9'/></list>",
    "<default name='mine'/>",
  );
  assert.deepEqual(
    (await pushes(two)).sort(),
    ['block foe@example.net', 'list mine'],
    'by default set over 0016',
  );
  assert.deepEqual(await blockList(one), ['foe@example.net']);
  // never conflict, although the other resource uses the default list
  await block(one, 'half@example.net', 'friend@example.net');
  assert.deepEqual(await items(one, 'mine'), [
    'jid foe@example.net deny',
    'jid half@example.net deny',
    'jid friend@example.net deny',
    'jid friend@example.net allow',
    'jid half@example.net deny',
    '* * allow',
  ]);
  assert.deepEqual((await pushes(two)).sort(), ['block half@example.net friend@example.net', 'list mine']);
  await unblock(one);
  assert.deepEqual(await items(one, 'mine'), [
    'jid friend@example.net allow',
    'jid half@example.net deny',
    '* * allow',
  ]);
  assert.equal(await defaultList(one), 'mine', 'not empty, so it stays');
  assert.deepEqual((await pushes(two)).sort(), ['list mine', 'unblock']);
  // §5 implication 4: a substitute's blocked JIDs are the new block list; the difference is pushed
  await block(one, 'old@example.net', 'both@example.net');
  await pushes(two);
  await configure(two, "<active name='mine'/>");
  await configure(
    one,
    "<list name='new'><item type='jid' value='both@example.net' action='deny' order='1'/>" +
      "<item type='jid' value='new@example.net' action='deny' order='2'/></list>",
  );
  await pushes(two);
  await configure(one, "<default name='new'/>");
  assert.deepEqual((await pushes(two)).sort(), ['block new@example.net', 'unblock old@example.net']);
  assert.deepEqual(await blockList(one), ['both@example.net', 'new@example.net']);
  assert.equal(outcome(await privacySet(one, "<list name='mine'/>")), 'conflict');
  await closeAll(clients);
});

test('§5.5: a session with an active list of its own is not affected; <blocked/> only where the block list caused it', async () => {
  const clients = await resources('one', 'two');
  const [one, two] = clients as [RawClient, RawClient];
  await core.addUsers('oscar');
  const oscar = await core.online('oscar');
  await configure(
    two,
    "<list name='own'><item type='jid' value='other@localhost' action='deny' order='1'/></list>",
    "<active name='own'/>",
  );
  await block(one, 'oscar@localhost');
  const say = async (client: RawClient, to: string, id: string): Promise<string> => {
    client.send(`<message to='${to}' type='chat' id='${id}'><body>x</body></message>`);
    await client.ping();
    const index = client.received.findIndex((item) => item.kind === 'element' && item.stanza.id === id);
    const answer = client.received[index];
    return answer?.kind === 'element' ? outcome(answer.stanza) : 'sent';
  };
  assert.equal(await say(one, 'oscar@localhost', 'o1'), 'not-acceptable+blocked');
  assert.equal(await say(two, oscar.jid, 'o2'), 'sent');
  assert.equal(await say(oscar, two.jid, 'o3'), 'sent');
  assert.equal(await say(oscar, one.jid, 'o4'), 'service-unavailable');
  assert.equal(await say(two, 'other@localhost', 'o5'), 'not-acceptable', 'its own list, not the block list');
  await configure(two, "<active name='blocked'/>");
  assert.equal(await say(two, 'oscar@localhost', 'o6'), 'not-acceptable+blocked', 'the default list, active');
  await closeAll([...clients, oscar]);
});

test('§3.3, §3.4: contacts and resources: unavailable on block, presence on unblock, for a domain and for one resource', async () => {
  const clients = await resources('r', 's');
  const [one, other] = clients as [RawClient, RawClient];
  await core.addUsers('penny');
  const penny = await core.online('penny', 'P');
  await befriend(one, penny);
  await other.ping();
  forget(other);
  const presences = (client: RawClient) => taken(client).filter((line) => line.startsWith('presence'));
  const settle = async () => {
    for (const client of [one, penny, other]) await client.ping();
  };
  for (const jid of ['penny@localhost', 'localhost', 'penny@localhost/P']) {
    await block(one, jid);
    await settle();
    assert.deepEqual(
      presences(penny).sort(),
      [one, other].map((client) => `presence unavailable ${client.jid} -`),
      jid,
    );
    for (const client of [one, other]) {
      assert.deepEqual(presences(client), ['presence unavailable penny@localhost/P -'], jid);
    }
    // §4: polite blocking
    const roster = await one.iq('get', "<query xmlns='jabber:iq:roster'/>");
    assert.match(roster.source, /<item (?=[^>]*jid='penny@localhost')[^>]*subscription='both'/, jid);
    await unblock(one, jid);
    await settle();
    assert.deepEqual(
      presences(penny).sort(),
      [one, other].map((client) => `presence - ${client.jid} -`),
      jid,
    );
    for (const client of [one, other]) {
      assert.deepEqual(presences(client), ['presence - penny@localhost/P -'], jid);
    }
  }
  // what is broadcast later goes to the bare JID, and still not to the one resource
  const second = await core.online('penny', 'Q');
  await block(one, 'penny@localhost/P');
  await settle();
  await second.ping();
  forget(penny, second);
  one.send('<presence><show>away</show></presence>');
  await one.ping();
  await settle();
  await second.ping();
  assert.deepEqual(presences(penny), []);
  assert.deepEqual(presences(second), [`presence - ${one.jid} -`]);
  await closeAll([...clients, penny, second]);
});
