import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, JOIN, mucInProcess, open, ROOM } from '../../tools/muc/in-process.js';

test('while more waits than can be sent nobody enters or asks, and whoever leaves leaves', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  Object.defineProperty(world.service.delivery, 'congested', { get: () => true, configurable: true });
  await enter(world, 'bard');
  world.receive(`<iq type='get' id='p' from='hag@example/r' to='${ROOM}/crone'><query xmlns='urn:x'/></iq>`);
  world.receive(`<presence type='unavailable' from='crone@example/r' to='${ROOM}/crone'/>`);
  await world.settled();
  const told = world.sent.map((text) => `${/^<(\w+)/.exec(text)?.[1]} ${/ type='(\w+)'/.exec(text)?.[1]}`);
  assert.deepEqual(told, ['presence error', 'iq error', 'presence unavailable', 'presence unavailable']);
  assert.match(world.sent[0] ?? '', /resource-constraint/);
});

test('what an occupant makes everybody keep, and what waits for the admins of a room, is bounded', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  world.sent.length = 0;
  const status = `<status>${'x'.repeat(17_000)}</status>`;
  const generous = (name: string) =>
    world.receive(`<presence from='bard@example/r' to='${ROOM}/bard'>${name}</presence>`);
  Object.assign(world.service.policy, { messageBytes: 65_536 });
  generous(JOIN + status);
  await world.settled();
  assert.match(world.sent.splice(0).join(''), /type='error'.*<policy-violation /);
  const register = (id: string, first: string) =>
    world.receive(
      `<iq type='set' id='${id}' from='bard@example/r' to='${ROOM}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>` +
        `<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>` +
        `<field var='muc#register_roomnick'><value>bard</value></field>` +
        `<field var='muc#register_first'><value>${first}</value></field></x></query></iq>`,
    );
  register('long', 'x'.repeat(5_000));
  register('short', 'Will');
  await world.settled();
  const answers = world.sent.filter((text) => text.startsWith('<iq'));
  assert.deepEqual(
    answers.map((text) => / type='(\w+)'/.exec(text)?.[1]),
    ['error', 'result'],
    answers.join('\n'),
  );
});

test('the lists of a room are bounded', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  const ban = async (from: number, count: number): Promise<string> => {
    world.sent.length = 0;
    const items = Array.from(
      { length: count },
      (_, n) => `<item affiliation='outcast' jid='u${from + n}@evil'/>`,
    );
    world.receive(
      `<iq type='set' id='b' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>${items.join('')}</query></iq>`,
    );
    await world.settled();
    return world.sent.find((text) => text.startsWith('<iq')) ?? '';
  };
  const room = await world.service.rooms.find('coven');
  for (let n = 0; n < 19_000; n++) room?.setAffiliation(`u${n}@evil`, 'outcast');
  // with the owner 19,001: 999 more
  assert.match(await ban(19_000, 999), /type='result'/);
  assert.match(await ban(19_999, 1), /type='error'.*<resource-constraint /);
  // a long list is told without its reasons
  for (let n = 0; n < 500; n++) room?.setAffiliation(`u${n}@evil`, 'outcast', undefined, 'x'.repeat(1_000));
  world.sent.length = 0;
  world.receive(
    `<iq type='get' id='l' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query></iq>`,
  );
  await world.settled();
  assert.match(world.sent[0] ?? '', /type='result'/);
  assert.doesNotMatch(world.sent[0] ?? '', /<reason>/);
  // those who are there can be changed all the same
  assert.match(await ban(0, 10), /type='result'/);
});

test('an occupant waits once for its ping, however often it is looked at', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  const room = await world.service.rooms.find('coven');
  const [session] = room?.sessions.values() ?? [];
  assert.ok(room && session);
  const { Ghosts } = await import('../../../components/muc/ghosts.js');
  const ghosts = new Ghosts(world.service);
  for (let n = 0; n < 5; n++) ghosts.check(room, session, Number.POSITIVE_INFINITY);
  assert.equal(ghosts.waiting, 1);
});

test('one occupant who asks and asks crowds nobody out: neither others nor the service itself', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  const ask = (id: string, from = 'hag') =>
    world.receive(
      `<iq type='get' id='${id}' from='${from}@example/r' to='${ROOM}/crone'><query xmlns='urn:x'/></iq>`,
    );
  for (let n = 0; n < 201; n++) ask(`q${n}`);
  await world.settled();
  assert.equal(world.sent.length, 201);
  assert.match(world.sent.at(-1) ?? '', /type='error'.*<resource-constraint /);
  // an answer makes room for another
  const [, asked] = / id='([^']*)'/.exec(world.sent[0] ?? '') ?? [];
  world.receive(`<iq type='result' id='${asked}' from='crone@example/r' to='${ROOM}/hag'/>`);
  ask('again');
  await world.settled();
  assert.match(world.sent.at(-1) ?? '', /type='get'/);
  // invitations are remembered elsewhere
  const invites = Array.from({ length: 50 }, (_, n) => `<invite to='u${n}@elsewhere'/>`).join('');
  const before = world.service.pending.size;
  world.receive(
    `<message from='hag@example/r' to='${ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>${invites}</x></message>`,
  );
  await world.settled();
  assert.equal(world.service.pending.size, before);
  assert.equal(world.service.remembered.size, 100);
});

for (const synchronous of [true, false]) {
  test(`rooms of one creator that are asked for at once are counted (${synchronous ? 'synchronous' : 'slow'} store)`, async () => {
    const world = await mucInProcess(synchronous);
    for (let round = 0; round < 2; round++) {
      for (const name of ['one', 'two', 'three'])
        world.receive(`<presence from='hag@example/r' to='${name}@chat.example/hag'>${JOIN}</presence>`);
      await world.settled();
      world.receive("<presence type='unavailable' from='hag@example/r' to='one@chat.example/hag'/>");
      await world.settled();
      const told = world.sent.splice(0).filter((text) => text.startsWith('<presence'));
      assert.deepEqual(
        told.map((text) => /<(destroy|resource-constraint)|code='(201)'/.exec(text)?.slice(1).join('')),
        ['201', 'resource-constraint', 'resource-constraint', 'destroy'],
        `round ${round}\n${told.join('\n')}`,
      );
    }
  });
}

test('ids of any length are neither repeated for each invitee nor kept', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  Object.assign(world.service.policy, { messageBytes: 65_536 });
  world.sent.length = 0;
  const long = 'x'.repeat(40_000);
  const user = "xmlns='http://jabber.org/protocol/muc#user'";
  const invite = (id: string, inside = '') =>
    world.receive(
      `<message from='hag@example/r' to='${ROOM}' id='${id}'><x ${user}><invite to='a@b'>${inside}</invite></x></message>`,
    );
  invite(long);
  invite('short', `<continue thread='${long}'/>`);
  world.receive(
    `<iq type='get' id='${long}' from='hag@example/r' to='${ROOM}/crone'><query xmlns='urn:x'/></iq>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 3);
  for (const text of world.sent.splice(0)) assert.match(text, /type='error'.*<policy-violation /);
  assert.equal(world.service.pending.size, 0);
  // a private message is passed on with its id, and found again by it, but the id is not kept
  const kept: string[] = [];
  const { set } = Map.prototype;
  Map.prototype.set = function (key: unknown, value: unknown) {
    if (typeof key === 'string' && key.length > 1_000) kept.push(key);
    return set.call(this, key, value);
  };
  try {
    world.receive(
      `<message type='chat' id='${long}' from='hag@example/r' to='${ROOM}/crone'><body>hi</body></message>`,
    );
    world.receive(
      `<message type='error' id='${long}' from='crone@example/r' to='${ROOM}/hag'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    );
    await world.settled();
  } finally {
    Map.prototype.set = set;
  }
  assert.equal(kept.length, 0);
  const bounce = world.sent.at(-1) ?? '';
  assert.match(bounce, /^<message [^>]*type='error'[^>]* to='hag@example\/r'/);
  assert.ok(bounce.includes(` id='${long}'`));
});

test('the lists of a room are bounded in characters, and can always be made shorter', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  const room = await world.service.rooms.find('coven');
  const reason = 'x'.repeat(1_000);
  for (let n = 0; n < 1_486; n++) room?.setAffiliation(`u${n}@evil`, 'outcast', undefined, reason);
  const ban = async (users: string, why: string, affiliation = 'outcast'): Promise<string> => {
    world.sent.length = 0;
    const items = users
      .split(' ')
      .map((user) => `<item affiliation='${affiliation}' jid='${user}@evil'><reason>${why}</reason></item>`);
    world.receive(
      `<iq type='set' id='b' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>${items.join('')}</query></iq>`,
    );
    await world.settled();
    return world.sent.find((text) => text.startsWith('<iq')) ?? '';
  };
  assert.match(await ban('one', reason), /type='error'.*<resource-constraint /);
  // the same again, with a shorter reason, and not any more: each leaves the list no longer than it was
  for (const why of [reason, 'why']) assert.match(await ban('u0', why), /type='result'/);
  assert.match(await ban('u1 u2 u3', '', 'none'), /type='result'/);
  assert.match(await ban('one', reason), /type='result'/);
  for (const bare of [...(room?.affiliations.keys() ?? [])]) room?.setAffiliation(bare, 'none');
  assert.equal(room?.listSize, 0);
});

test('who has large rooms written and long lists answered again and again has to wait; nobody else has', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  const room = await world.service.rooms.find('coven');
  for (let n = 0; n < 1_400; n++) room?.setAffiliation(`u${n}@evil`, 'outcast', undefined, 'x'.repeat(1_000));
  const set = async (from: string, payload: string): Promise<string> => {
    world.sent.length = 0;
    world.receive(`<iq type='set' id='s' from='${from}@example/r' to='${ROOM}'>${payload}</iq>`);
    await world.settled();
    return world.sent.find((text) => text.startsWith('<iq')) ?? '';
  };
  const admin = (affiliation: string) =>
    `<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='${affiliation}' jid='a@b'/></query>`;
  let changes = 0;
  while (changes < 100 && /type='result'/.test(await set('hag', admin(changes % 2 ? 'none' : 'member'))))
    changes++;
  assert.ok(changes >= 10 && changes < 60, `${changes} changes`);
  assert.match(await set('hag', admin('owner')), /type='error'.*type='wait'.*<resource-constraint /);
  // neither by a subject nor by entering again
  const tell = async (text: string): Promise<string> => {
    world.sent.length = 0;
    world.receive(text);
    await world.settled();
    return world.sent[0] ?? '';
  };
  const groupchat = (inside: string) =>
    tell(`<message type='groupchat' from='hag@example/r' to='${ROOM}'>${inside}</message>`);
  assert.match(await groupchat('<subject>x</subject>'), /<resource-constraint /);
  assert.match(
    await tell(`<presence from='hag@example/r' to='${ROOM}/hag'>${JOIN}</presence>`),
    /<resource-constraint /,
  );
  // but what costs little goes on, and others are not concerned
  assert.match(await groupchat('<body>x</body>'), /^<message [^>]*type='groupchat'/);
  assert.match(
    await tell(`<iq type='get' id='p' from='hag@example/r' to='${ROOM}'><ping xmlns='urn:xmpp:ping'/></iq>`),
    /type='result'/,
  );
  assert.match(
    await tell(
      `<iq type='get' id='d' from='crone@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
    ),
    /type='result'/,
  );
});

test('the accounts whose pace is known are bounded, and forgotten when they have been quiet', async () => {
  const { AccountPace } = await import('../../../components/muc/pace.js');
  const pace = new AccountPace();
  for (let n = 0; n < 20_000; n++) pace.charge(`u${n}@example`, 40_000_000, 0);
  assert.equal(pace.size, 10_000);
  assert.equal(pace.exceeded('u19999@example', 1_000), true);
  assert.equal(pace.exceeded('u19999@example', 3_000), false);
  assert.equal(pace.exceeded('u19999@example', 60_000), false);
  assert.equal(pace.size, 9_999);
});

test('stanzas that wait for a store that does not answer are bounded', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  let free: () => void = () => undefined;
  world.service.rooms.hold(
    'coven',
    new Promise<void>((resolve) => {
      free = resolve;
    }),
  );
  world.sent.length = 0;
  const body = 'x'.repeat(500_000);
  for (let n = 0; n < 200; n++)
    world.receive(
      `<message type='groupchat' from='hag@example/r' to='${ROOM}' id='${n}'><body>${body}</body></message>`,
    );
  const kept = 200 - world.sent.length;
  assert.ok(kept >= 100 && kept < 150, `${kept} are kept`);
  for (const text of world.sent) assert.match(text, /type='error'.*<resource-constraint /);
  free();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(world.service.rooms.waitingSize, 0);
});
