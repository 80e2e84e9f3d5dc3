import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { canonical } from '../../tools/muc/canonical.js';
import { FakeWorld } from '../../tools/muc/fake-world.js';
import { coven, error, ID, iqError, iqResult, JOIN, SID, user } from './sections/coven.js';

const ITEMS = 'http://jabber.org/protocol/disco#items';
const COMMANDS = 'http://jabber.org/protocol/commands';

const entourage = fileURLToPath(new URL('../../../../shared/cli/entourage.mjs', import.meta.url));

/** One as it comes, for the tests that want nothing special of it. */
const plain = new Promise<FakeWorld>((resolve, reject) => {
  before(async () => {
    await FakeWorld.start().then(resolve, reject);
  });
});
after(async () => (await plain).stop());

async function fake(
  t: TestContext,
  environment: Record<string, string> = {},
  features: readonly string[] = [],
): Promise<FakeWorld> {
  const world = await FakeWorld.start(environment, features);
  t.after(() => world.stop());
  return world;
}

test('XEP-0410: a self-ping is answered by the room; from outside it is not-acceptable, room or no room', async () => {
  const world = await plain;
  const { room, third } = await coven(world, 'selfping');
  const ping = (to: string) => `<iq type='get' id='s2c1' to='${to}'><ping xmlns='urn:xmpp:ping'/></iq>`;
  await third.ask(ping(`${room}/thirdwitch`), iqResult(third, `${room}/thirdwitch`, 's2c1'));
  const outsider = await world.login('bard', 'globe');
  for (const to of [`${room}/thirdwitch`, `nowhere@${world.muc}/thirdwitch`])
    await outsider.ask(
      ping(to),
      iqError(outsider, to, 's2c1', error('cancel', 'not-acceptable', 406, to.slice(0, to.indexOf('/')))),
    );
});

test('§17.4 rule 3: a vCard request goes to the account, its answer comes back without the address', async () => {
  const world = await plain;
  const { room, third, first } = await coven(world, 'vcard');
  third.send(`<iq type='get' id='v1' to='${room}/firstwitch'><vCard xmlns='vcard-temp'/></iq>`);
  const asked = await world.toAccount();
  assert.equal(asked.to, first.bare);
  assert.equal(asked.from, `${room}/thirdwitch`);
  assert.notEqual(asked.id, 'v1');
  world.toComponent(
    `<iq type='result' from='${first.bare}' to='${room}/thirdwitch' id='${asked.id}'><vCard xmlns='vcard-temp'><JABBERID>${first.bare}</JABBERID></vCard></iq>`,
  );
  await third.expect(
    iqResult(
      third,
      `${room}/firstwitch`,
      'v1',
      `<vCard xmlns='vcard-temp'><JABBERID>${room}/firstwitch</JABBERID></vCard>`,
    ),
  );
  // Somebody else cannot answer in its place.
  third.send(`<iq type='get' id='v2' to='${room}/firstwitch'><vCard xmlns='vcard-temp'/></iq>`);
  const again = await world.toAccount();
  world.toComponent(`<iq type='result' from='evil@example.org' to='${room}/thirdwitch' id='${again.id}'/>`);
  await third.nothing(room);
});

test('a private message that comes back is returned to its sender without the address', async () => {
  const world = await plain;
  const { room, first, third } = await coven(world, 'pm-bounce');
  third.send(`<message to='${room}/firstwitch' type='chat' id='pm'><body>x</body></message>`);
  await first.next();
  first.send(
    `<message type='error' to='${room}/thirdwitch' id='pm'><error type='cancel' by='${first.bare}'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>${first.jid} blocks you</text></error></message>`,
  );
  await third.expect(
    `<message type='error' id='pm' from='${room}/firstwitch' to='${third.jid}'><error code='406' type='cancel' by='${room}'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
  );
});

test('§7.8.2: the inviter learns that there is no such JID', async () => {
  const world = await plain;
  const { room, third } = await coven(world, 'no-such-invitee');
  third.send(`<message id='i1' to='${room}'>${user("<invite to='nobody@shakespeare.lit'/>")}</message>`);
  await third.nothing(room);
  world.toComponent(
    `<message type='error' from='nobody@shakespeare.lit' to='${room}' id='i1'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
  );
  await third.expect(
    `<message type='error' id='i1' from='${room}' to='${third.jid}'>${user("<invite to='nobody@shakespeare.lit'/>")}<error code='404' type='cancel' by='${room}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
  );
});

test('XEP-0307: a room name that nobody has', async () => {
  const world = await plain;
  const hag = await world.login('hag66', 'pda');
  await hag.ask(
    `<iq type='get' id='u' to='${world.muc}'><unique xmlns='http://jabber.org/protocol/muc#unique'/></iq>`,
    iqResult(hag, world.muc, 'u', "<unique xmlns='http://jabber.org/protocol/muc#unique'>*</unique>"),
  );
});

test('groupchat 1.0, where it is allowed: a join without <x/>, and a room that is open at once', async (t) => {
  const world = await fake(t, { MUC_GROUPCHAT_1: 'true' });
  const room = `old@${world.muc}`;
  const hag = await world.login('hag66', 'pda');
  await hag.ask(
    `<presence id='g' to='${room}/thirdwitch'/>`,
    `<presence id='g' from='${room}/thirdwitch' to='${hag.jid}'>${user(`<item affiliation='owner' jid='${hag.jid}' role='moderator'/>`, 110, 201)}${ID}</presence>`,
    `<message type='groupchat' from='${room}' to='${hag.jid}'><subject/></message>`,
  );
  const crone = await world.login('crone1', 'desktop');
  await crone.join(room, 'firstwitch');
});

test('who may create rooms, and how many', async (t) => {
  const world = await fake(t, { MUC_ROOM_CREATION: 'local', MUC_ROOMS_PER_USER: '2' });
  const refusal = (room: string, to: string, errorElement: string) =>
    `<presence type='error' id='c' from='${room}/x' to='${to}'>${JOIN}${errorElement}</presence>`;
  world.toComponent(
    `<presence id='c' from='stranger@example.org/r' to='coven@${world.muc}/x'>${JOIN}</presence>`,
  );
  const refused = await world.toStranger();
  assert.equal(refused.type, 'error');
  assert.ok(refused.text.includes('<not-allowed '), refused.text);
  const hag = await world.login('hag66', 'pda');
  for (const name of ['one', 'two']) {
    await hag.join(`${name}@${world.muc}`, 'x');
    await hag.configure(`${name}@${world.muc}`, { 'muc#roomconfig_persistentroom': '1' });
  }
  const three = `three@${world.muc}`;
  const tooMany = refusal(
    three,
    hag.jid,
    error('wait', 'resource-constraint', 500, three, 'At most 2 rooms per user'),
  );
  await hag.ask(`<presence id='c' to='${three}/x'>${JOIN}</presence>`, tooMany);
  // The count outlasts the process; a destroyed room makes room.
  await world.restart('SIGKILL');
  await hag.ask(`<presence id='c' to='${three}/x'>${JOIN}</presence>`, tooMany);
  hag.send(
    `<iq type='set' id='d' to='one@${world.muc}'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query></iq>`,
  );
  await hag.until((stanza) => stanza.id === 'd');
  await hag.join(three, 'x');
});

test('XEP-0045 §14.6: how many rooms the accounts of another server may create together', async (t) => {
  const world = await fake(t, { CORE_DOMAIN: 'shakespeare.lit, globe.lit', MUC_ROOMS_PER_SERVER: '2' });
  let count = 0;
  /** Creates a room, or is refused: what the service answers. */
  const create = async (who: string, room: string): Promise<string> => {
    const id = `c${count++}`;
    const to = `${room}@${world.muc}`;
    world.toComponent(`<presence id='${id}' from='${who}/r' to='${to}/x'>${JOIN}</presence>`);
    return (await world.toStranger((stanza) => stanza.id === id)).text;
  };
  assert.match(await create('a@rome.lit', 'one'), /code='201'/);
  assert.match(await create('b@rome.lit', 'two'), /code='201'/);
  const refused = `<presence type='error' id='c2' from='three@${world.muc}/x' to='c@rome.lit/r'>${JOIN}${error('wait', 'resource-constraint', 500, `three@${world.muc}`, 'At most 2 rooms per server')}</presence>`;
  assert.equal(canonical(await create('c@rome.lit', 'three')), canonical(refused));
  // Another server has its own count, and the server's own domains have none.
  assert.match(await create('a@padua.lit', 'four'), /code='201'/);
  for (const room of ['five', 'six', 'seven'])
    assert.match(await create(`${room}@globe.lit`, room), /code='201'/);
  // The count outlasts the process; a room that ends makes room.
  await world.restart('SIGKILL');
  assert.match(await create('c@rome.lit', 'three'), /<resource-constraint /);
  world.toComponent(`<presence type='unavailable' from='a@rome.lit/r' to='one@${world.muc}/x'/>`);
  assert.match(await create('c@rome.lit', 'three'), /code='201'/);
});

test('MUC_ROOM_CREATION=local: accounts of each of the server’s domains', async (t) => {
  const world = await fake(t, { CORE_DOMAIN: 'shakespeare.lit, globe.lit', MUC_ROOM_CREATION: 'local' });
  for (const [domain, answer] of [
    ['globe.lit', /code='201'/],
    ['rome.lit', /<not-allowed /],
  ] as const) {
    world.toComponent(
      `<presence id='c' from='a@${domain}/r' to='${domain}@${world.muc}/x'>${JOIN}</presence>`,
    );
    assert.match((await world.toStranger((stanza) => stanza.name === 'presence')).text, answer);
  }
});

test('a session that sends too much too fast is told so', async (t) => {
  const world = await fake(t, { MUC_RATE: '1', MUC_BURST: '3' });
  const room = `rate@${world.muc}`;
  const hag = await world.login('hag66', 'pda');
  await hag.join(room, 'x');
  for (let number = 0; number < 4; number++)
    hag.send(`<message to='${room}' type='groupchat' id='r${number}'><body>x</body></message>`);
  for (let number = 0; number < 3; number++) assert.equal((await hag.next()).type, 'groupchat');
  await hag.expect(
    `<message type='error' id='r3' from='${room}' to='${hag.jid}'>${error('wait', 'resource-constraint', 500, room, 'No more than 1 a second, please')}</message>`,
  );
  // A second join, which costs a roster and the history, is no way around it.
  await hag.ask(
    `<presence id='again' to='${room}/x'>${JOIN}</presence>`,
    `<presence type='error' id='again' from='${room}/x' to='${hag.jid}'>${JOIN}${error('wait', 'resource-constraint', 500, room, 'No more than 1 a second, please')}</presence>`,
  );
});

test('§14.6: presence that is too large is refused; leaving never is, but the farewell stays behind', async (t) => {
  const world = await fake(t, { MUC_MESSAGE_BYTES: '1024' });
  const { room, first, third } = await coven(world, 'large-presence');
  const status = `<status>${'x'.repeat(1_024)}</status>`;
  const presence = `<presence id='p' to='${room}/thirdwitch'>${status}</presence>`;
  await third.ask(
    presence,
    `<presence type='error' id='p' from='${room}/thirdwitch' to='${third.jid}'>${JOIN}${error('modify', 'policy-violation', 406, room, 'A presence may have 1024 bytes')}</presence>`,
  );
  await first.nothing(room);
  third.send(presence.replace("id='p'", "type='unavailable'"));
  await first.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`)}${ID}</presence>`,
  );
});

test('multicast (XEP-0033), where the server offers it: one stanza for many, the same for each', async (t) => {
  const world = await fake(t, {}, ['http://jabber.org/protocol/address']);
  const { room, first, second, third } = await coven(world, 'multicast');
  const before = world.multicasts;
  third.send(`<message to='${room}' type='groupchat' id='m'><body>a &gt; b</body></message>`);
  for (const client of [first, second, third])
    await client.expect(
      `<message type='groupchat' id='m' from='${room}/thirdwitch' to='${client.jid}'><body>a > b</body>${SID}${ID}</message>`,
    );
  assert.equal(world.multicasts, before + 1);
});

test('address lists, where the server keeps them: named from the third time on, and anew where they change or the link does', async (t) => {
  const world = await fake(t, {}, ['http://jabber.org/protocol/address', 'urn:entourage:address-lists:1']);
  const { room, first, second, third } = await coven(world, 'lists');
  world.lists.length = 0;
  const all = [first, second, third];
  const say = async (id: string) => {
    third.send(`<message to='${room}' type='groupchat' id='${id}'><body>x</body></message>`);
    for (const client of all)
      await client.expect(
        `<message type='groupchat' id='${id}' from='${room}/thirdwitch' to='${client.jid}'><body>x</body>${SID}${ID}</message>`,
      );
  };
  for (const id of ['m1', 'm2', 'm3', 'm4']) await say(id);
  assert.deepEqual(world.lists, ['keep 0', 'use 0', 'use 0']);
  const fourth = await world.login('hecate', 'broom');
  await fourth.join(room, 'hecate');
  for (const client of all) await client.skip(room);
  all.push(fourth);
  for (const id of ['m5', 'm6', 'm7']) await say(id);
  assert.deepEqual(world.lists.splice(0), ['keep 0', 'use 0', 'use 0', 'keep 1', 'use 1']);
  // what was kept on a stream is gone with it
  await world.cut();
  for (const id of ['m8', 'm9']) await say(id);
  assert.deepEqual(world.lists, ['keep 0', 'use 0']);
});

test('address lists: those that occupants send go no further, and one that the server has not kept is not used again', async (t) => {
  const world = await fake(t, {}, ['http://jabber.org/protocol/address', 'urn:entourage:address-lists:1']);
  const { room, first, second, third } = await coven(world, 'foreign-lists');
  const all = [first, second, third];
  const say = async (id: string) => {
    third.send(
      `<message to='${room}' type='groupchat' id='${id}'><list xmlns='urn:entourage:address-lists:1' use='0'/><body>x</body></message>`,
    );
    for (const client of all)
      await client.expect(
        `<message type='groupchat' id='${id}' from='${room}/thirdwitch' to='${client.jid}'><body>x</body>${SID}${ID}</message>`,
      );
  };
  world.lists.length = 0;
  for (const id of ['m1', 'm2', 'm3']) await say(id);
  assert.deepEqual(world.lists.splice(0), ['keep 0', 'use 0']);
  third.send(
    `<presence to='${room}/thirdwitch'><list xmlns='urn:entourage:address-lists:1' use='0'/><show>away</show></presence>`,
  );
  for (const client of all) {
    const { text } = await client.next();
    assert.ok(text.includes('<show>away</show>') && !text.includes('<list '), text);
  }
  third.send(
    `<message to='${room}/firstwitch' type='chat'><list xmlns='urn:entourage:address-lists:1' use='0'/><body>x</body></message>`,
  );
  assert.ok(!(await first.next()).text.includes('<list '));
  world.toComponent(
    `<message type='error' id='m3' from='${world.domain}' to='${room}/thirdwitch'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
  );
  for (const id of ['m4', 'm5', 'm6']) await say(id);
  assert.deepEqual(world.lists, []);
});

test('without an offer, or switched off, there is no multicast', async (t) => {
  const world = await fake(t, { MUC_MULTICAST: 'off' }, ['http://jabber.org/protocol/address']);
  const { room, first, third } = await coven(world, 'unicast');
  third.send(`<message to='${room}' type='groupchat' id='m'><body>x</body></message>`);
  await first.next();
  assert.equal(world.multicasts, 0);
});

test('administrators of the service are owners of every room, and have its commands', async (t) => {
  const world = await fake(t, { MUC_ADMINS: 'bard@shakespeare.lit' });
  const { room, first, third } = await coven(world, 'administrators', { 'muc#roomconfig_membersonly': '1' });
  const bard = await world.login('bard', 'globe');
  bard.send(
    `<iq type='get' id='form' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'/></iq>`,
  );
  assert.equal((await bard.next()).type, 'result');
  await bard.ask(
    `<iq type='get' id='list' to='${world.muc}'><query xmlns='${ITEMS}' node='${COMMANDS}'/></iq>`,
    iqResult(
      bard,
      world.muc,
      'list',
      `<query xmlns='${ITEMS}' node='${COMMANDS}'><item jid='${world.muc}' node='urn:entourage:muc:close' name='Close the service'/><item jid='${world.muc}' node='urn:entourage:muc:destroy-room' name='Destroy a room'/></query>`,
    ),
  );
  await third.ask(
    `<iq type='get' id='list' to='${world.muc}'><query xmlns='${ITEMS}' node='${COMMANDS}'/></iq>`,
    iqResult(third, world.muc, 'list', `<query xmlns='${ITEMS}' node='${COMMANDS}'/>`),
  );
  const command = (id: string, node: string, form: string) =>
    `<iq type='set' id='${id}' to='${world.muc}'><command xmlns='${COMMANDS}' node='${node}' action='execute'>${form}</command></iq>`;
  third.send(command('no', 'urn:entourage:muc:close', ''));
  assert.ok((await third.next()).text.includes('<forbidden '));
  bard.send(command('1', 'urn:entourage:muc:destroy-room', ''));
  assert.ok((await bard.next()).text.includes("status='executing'"));
  bard.send(
    command(
      '2',
      'urn:entourage:muc:destroy-room',
      `<x xmlns='jabber:x:data' type='submit'><field var='room'><value>${room}</value></field><field var='reason'><value>Macbeth doth come.</value></field></x>`,
    ),
  );
  await first.expect(
    `<presence type='unavailable' from='${room}/firstwitch' to='${first.jid}'>${user("<item affiliation='none' role='none'/><destroy><reason>Macbeth doth come.</reason></destroy>", 110)}${ID}</presence>`,
  );
  assert.ok((await bard.next()).text.includes("status='completed'"));
});

test('§11.2: closing the service removes everybody with 332; it stays closed until it is started again', async (t) => {
  for (const way of ['command', 'control'] as const) {
    const world = await fake(t, { MUC_ADMINS: 'bard@shakespeare.lit' });
    const { room, first, third } = await coven(world, 'closing', { 'muc#roomconfig_persistentroom': '1' });
    const bard = await world.login('bard', 'globe');
    const closed = world.disconnected();
    if (way === 'command') {
      bard.send(
        `<iq type='set' id='close' to='${world.muc}'><command xmlns='${COMMANDS}' node='urn:entourage:muc:close'><x xmlns='jabber:x:data' type='submit'><field var='confirm'><value>1</value></field></x></command></iq>`,
      );
      assert.equal((await bard.next()).type, 'result');
    } else {
      const { stdout } = await promisify(execFile)(process.execPath, [entourage, 'muc', 'close'], {
        cwd: world.folder,
        env: { PATH: process.env['PATH'] ?? '', STORAGE_URL: `lmdb:${world.folder}` },
      });
      assert.deepEqual(JSON.parse(stdout), { occupants: 3 });
    }
    for (const [client, nick] of [
      [first, 'firstwitch'],
      [third, 'thirdwitch'],
    ] as const)
      await client.expect(
        `<presence type='unavailable' from='${room}/${nick}' to='${client.jid}'>${user("<item affiliation='none' role='none'/>", 110, 332)}${ID}</presence>`,
      );
    assert.equal(await closed, 'plain');
    await world.restart('SIGTERM');
    const codes = await third.join(room, 'thirdwitch');
    assert.deepEqual(codes, ['110'], 'the persistent room is there again, empty');
  }
});

test('SIGTERM ends the stream with <reset/>: the component will be back', async () => {
  const world = await plain;
  const { first } = await coven(world, 'reset');
  const closed = world.disconnected();
  await world.end('SIGTERM');
  assert.equal(await closed, 'reset');
  await world.begin();
  await first.nothing(`reset@${world.muc}`);
});

test('§7.2.12 Room Logging: 170 on entry and when it begins, 171 when it ends, and the log itself', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muc-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const world = await fake(t, { MUC_LOG_URL: 'https://logs.example.org/', MUC_LOG_DIR: folder });
  const { room, first, third } = await coven(world, 'logged');
  const told = (code: number) =>
    `<message type='groupchat' id='*' from='${room}' to='${third.jid}'>${user('', code)}</message>`;
  third.send(`<message to='${room}' type='groupchat' id='s'><body>secret</body></message>`);
  await third.skip(room);
  await first.configure(room, { 'muc#roomconfig_enablelogging': '1' });
  await third.expect(told(170));
  const hecate = await world.login('hecate', 'broom');
  assert.deepEqual(await hecate.join(room, 'hecate'), ['110', '170']);
  await third.skip(room);
  third.send(
    `<message to='${room}' type='groupchat' id='p'><body>public\n00:00:00 &lt;firstwitch&gt; forged</body></message>`,
  );
  third.send(`<message to='${room}' type='groupchat' id='m'><body>/me stirs</body></message>`);
  first.send(`<message to='${room}' type='groupchat' id='t'><subject>Spells</subject></message>`);
  await third.skip(room);
  third.send(
    `<iq type='get' id='i' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  );
  assert.ok((await third.next()).text.includes('https://logs.example.org/logged/'));
  await first.configure(room, { 'muc#roomconfig_enablelogging': '0' });
  await third.expect(told(171));
  third.send(`<message to='${room}' type='groupchat' id='s2'><body>secret again</body></message>`);
  await third.skip(room);
  await world.end('SIGTERM');
  const [day = ''] = readdirSync(join(folder, 'logged'));
  const lines = readFileSync(join(folder, 'logged', day), 'utf8').replaceAll(/^\d\d:\d\d:\d\d/gm, 'TIME');
  assert.equal(
    lines,
    'TIME <thirdwitch> public\n         00:00:00 <firstwitch> forged\nTIME * thirdwitch stirs\nTIME * firstwitch has changed the subject to: Spells\n',
  );
});
