import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import {
  bare,
  blockList,
  closeAll,
  configure,
  newResources,
  outcome,
  PRIVACY_ONLY,
  privacyGet,
  privacySet,
  taken,
} from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// XEP-0016 as clients see it.
let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start(PRIVACY_ONLY);
  await core.component('privacy', { PRIVACY_MAX_LISTS: '5', PRIVACY_MAX_ITEMS: '4000' });
});
after(() => core.stop());

const resources = (...names: string[]) => newResources(core, ...names);
const list = (name: string, peer = 'tybalt@example.net') =>
  `<list name='${name}'><item type='jid' value='${peer}' action='deny' order='1'/></list>`;

test('§2.1, §2.3: requests that are no requests, and items that are no items', async () => {
  const clients = await resources('one');
  const [one] = clients as [RawClient];
  await configure(one, list('known'));
  const item = (attributes: string, content = '') =>
    `<list name='bad'><item ${attributes}>${content}</item></list>`;
  for (const [content, expected] of [
    ['', 'bad-request'],
    ["<list name='known'/><list name='other'/>", 'bad-request'],
    ["<active name='known'/><active/>", 'bad-request'],
    ['<nonsense/>', 'bad-request'],
    ["<list xmlns='urn:example' name='known'/>", 'bad-request'],
    ['<list/>', 'bad-request'],
    ["<list><item action='deny' order='1'/></list>", 'bad-request'],
    ["<list name='unknown'/>", 'item-not-found'],
    ["<active name='constructor'/>", 'item-not-found'],
    ["<default name='__proto__'/>", 'item-not-found'],
    ["<list name='bad'><thing/></list>", 'bad-request'],
    [item("order='1'"), 'bad-request'],
    [item("action='perhaps' order='1'"), 'bad-request'],
    [item("action='deny'"), 'bad-request'],
    [item("action='deny' order='-1'"), 'bad-request'],
    [item("action='deny' order='1.5'"), 'bad-request'],
    [item("action='deny' order='4294967296'"), 'bad-request'],
    [item("action='deny' order='1' type='jid'"), 'bad-request'],
    [item("action='deny' order='1' type='jid' value=''"), 'bad-request'],
    [item("action='deny' order='1' type='jid' value='@example.net'"), 'bad-request'],
    [item("action='deny' order='1' type='subscription' value='maybe'"), 'bad-request'],
    [item("action='deny' order='1' type='planet' value='Mars'"), 'bad-request'],
    [item("action='deny' order='1'", '<presence/>'), 'bad-request'],
    [item("action='deny' order='1' type='group' value='Nobody'"), 'item-not-found'],
    [
      "<list name='bad'><item action='deny' order='1'/><item action='allow' order='01'/></list>",
      'bad-request',
    ],
  ] as const) {
    assert.equal(outcome(await privacySet(one, content)), expected, content);
  }
  for (const [content, expected] of [
    ["<list name='known'/><list name='known'/>", 'bad-request'],
    ['<list/>', 'bad-request'],
    ['<active/>', 'bad-request'],
    ["<list name='bad'/>", 'item-not-found'],
  ] as const) {
    assert.equal(outcome(await privacyGet(one, content)), expected, content);
  }
  await closeAll(clients);
});

test('§2.1: every kind of item is kept as it was given, JIDs prepared, in processing order; names are any text', async () => {
  const clients = await resources('one');
  const [one] = clients as [RawClient];
  await one.iq(
    'set',
    "<query xmlns='jabber:iq:roster'><item jid='a@b.example'><group>Ene&lt;mies</group></item></query>",
  );
  for (const name of ['__proto__', 'constructor', '', "a&amp;&lt;b's \u{1d11e}".replace("'", '&apos;')]) {
    await configure(
      one,
      `<list name='${name}'><item action='allow' order='4294967295'/>` +
        "<item type='group' value='Ene&lt;mies' action='deny' order='2'><presence-out/><iq/></item>" +
        "<item type='jid' value='Tybalt@EXAMPLE.net/Pda' action='deny' order='0'><message/></item>" +
        "<item type='subscription' value='none' action='deny' order='7'><presence-in/></item></list>",
      `<active name='${name}'/>`,
      `<default name='${name}'/>`,
    );
    const read = await privacyGet(one, `<list name='${name}'/>`);
    assert.deepEqual(
      read.element
        .getChild('query')
        ?.getChild('list')
        ?.getChildren('item')
        .map((item) => [
          item.attrs['type'] ?? '',
          item.attrs['value'] ?? '',
          item.attrs['order'],
          item
            .getChildElements()
            .map((child) => child.getName())
            .sort()
            .join(),
        ]),
      [
        ['jid', 'tybalt@example.net/Pda', '0', 'message'],
        ['group', 'Ene<mies', '2', 'iq,presence-out'],
        ['subscription', 'none', '7', 'presence-in'],
        ['', '', '4294967295', ''],
      ],
      name,
    );
    one.send(`<message to='${one.jid}' type='chat' id='self'/>`);
    await one.stanza((stanza) => stanza.id === 'self');
  }
  assert.equal(outcome(await privacySet(one, list('fifth'))), 'result');
  assert.equal(outcome(await privacySet(one, list('sixth'))), 'resource-constraint');
  await closeAll(clients);
});

test('§2.2 rule 10: a push with the name alone to every connected resource; requests for others’ lists are refused', async () => {
  const clients = await resources('one', 'two', 'three');
  const [one] = clients as [RawClient, RawClient, RawClient];
  await configure(one, list('public'));
  for (const client of clients) {
    const push = await client.stanza((stanza) => stanza.type === 'set');
    assert.equal(push.to, client.jid);
    assert.equal(push.from === undefined || push.from === bare(client), true, push.source);
    const query = push.element.getChild('query', 'jabber:iq:privacy');
    assert.equal(query?.getChildElements().length, 1);
    assert.deepEqual(query?.getChild('list')?.attrs['name'], 'public');
    assert.equal(query?.getChild('list')?.children.length, 0);
    client.send(`<iq type='result' id='${push.id}' to='${bare(client)}'/>`);
  }
  await configure(one, list('public', 'paris@example.net'), list('other'), "<default name='other'/>");
  await configure(one, "<list name='public'/>");
  for (const client of clients) {
    await client.ping();
    assert.equal(
      taken(client).filter((line) => line.startsWith('iq set')).length,
      3,
      'a push for the edit, the addition and the removal, none for the default',
    );
  }
  const [stranger] = (await resources('x')) as [RawClient];
  for (const type of ['get', 'set'] as const) {
    const answer = await stranger.iq(
      type,
      "<query xmlns='jabber:iq:privacy'><list name='public'/></query>",
      bare(one),
    );
    assert.equal(outcome(answer), 'forbidden');
  }
  await closeAll([...clients, stranger]);
});

test('§2.2 rules 1, 8, 11: active lists belong to a session; in use they change but do not vanish', async () => {
  const clients = await resources('one', 'two');
  const [one, two] = clients as [RawClient, RawClient];
  await core.addUsers('peer');
  const peer = await core.online('peer');
  await configure(one, list('a', 'peer@localhost'), list('b', 'other@localhost'));
  await configure(two, "<active name='a'/>");
  const ask = async (client: RawClient) => {
    const query = (await privacyGet(client)).element.getChild('query');
    return [query?.getChild('active')?.attrs['name'], query?.getChild('default')?.attrs['name']];
  };
  assert.deepEqual(await ask(one), [undefined, undefined]);
  assert.deepEqual(await ask(two), ['a', undefined]);
  const reaches = async (client: RawClient, id: string): Promise<boolean> => {
    peer.send(`<message to='${client.jid}' type='chat' id='${id}'><body>x</body></message>`);
    await peer.ping();
    await client.ping();
    return taken(client).some((line) => line.endsWith(` ${id}`));
  };
  assert.equal(await reaches(one, 'm1'), true);
  assert.equal(await reaches(two, 'm2'), false);
  assert.equal(outcome(await privacySet(one, "<list name='a'/>")), 'conflict');
  // rule 8: the new definition holds at once, for whoever has it active
  await configure(one, list('a', 'nobody@localhost'));
  assert.equal(await reaches(two, 'm3'), true);
  // an active list means that the default list does not apply (rule 1), and frees the default list for change
  await configure(one, list('d', 'peer@localhost'), "<default name='d'/>");
  assert.equal(await reaches(one, 'm4'), false);
  assert.equal(await reaches(two, 'm5'), true);
  await configure(two, '<active/>');
  assert.equal(await reaches(two, 'm6'), false);
  assert.equal(outcome(await privacySet(one, "<default name='b'/>")), 'conflict');
  assert.equal(outcome(await privacySet(one, '<default/>')), 'conflict');
  assert.equal(outcome(await privacySet(one, "<list name='d'/>")), 'conflict');
  await two.close();
  // one's own use is no conflict: the list is then neither default nor active
  await configure(one, "<active name='d'/>", "<list name='d'/>");
  assert.deepEqual(await ask(one), [undefined, undefined]);
  assert.equal(await reaches(one, 'm7'), true);
  await closeAll([one, peer]);
});

test('§2.2 rule 1: the active list lasts as long as the session, through a resumption, not to the next session', async () => {
  const user = 'brief';
  await core.addUsers(user);
  const first = await core.online(user, 'r');
  await configure(first, list('a', 'peer2@localhost'), "<active name='a'/>");
  first.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  const enabled = await first.stanza((stanza) => stanza.name === 'enabled');
  first.cut();
  const second = await core.connect();
  await second.open('localhost');
  await second.authenticate(user, 'secret', 'localhost');
  second.send(`<resume xmlns='urn:xmpp:sm:3' h='0' previd='${enabled.attribute('id')}'/>`);
  await second.stanza((stanza) => stanza.name === 'resumed');
  const active = async (client: RawClient) =>
    (await privacyGet(client)).element.getChild('query')?.getChild('active')?.attrs['name'];
  assert.equal(await active(second), 'a');
  await second.close();
  const third = await core.online(user, 'r');
  assert.equal(await active(third), undefined);
  await third.close();
});

test('Lists too large for the link are refused, and the component stays', async () => {
  const clients = await resources('one');
  const [one] = clients as [RawClient];
  const items = (count: number) =>
    Array.from(
      { length: count },
      (_, k) =>
        `<item type='jid' value='somebody.with.a.long.name.${k}@example.net' action='deny' order='${k}'/>`,
    ).join('');
  assert.equal(outcome(await privacySet(one, `<list name='x'>${items(4001)}</list>`)), 'resource-constraint');
  const answers: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    answers.push(outcome(await privacySet(one, `<list name='${name}'>${items(4000)}</list>`)));
  }
  assert.deepEqual(answers, ['result', 'result', 'resource-constraint']);
  assert.deepEqual(await blockList(one), []);
  await closeAll(clients);
});
