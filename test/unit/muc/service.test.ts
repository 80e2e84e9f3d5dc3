import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stanza } from '../../../shared/xml/stanza.js';
import { enter, JOIN, mucInProcess, open, ROOM } from '../../tools/muc/in-process.js';

test('a request to an occupant who never answers is answered in the end (RFC 6120 §8.2.3)', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  world.receive(
    `<iq type='get' id='v' from='hag@example/r' to='${ROOM}/crone'><query xmlns='jabber:iq:version'/></iq>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 1);
  const id = / id='([^']*)'/.exec(world.sent[0] ?? '')?.[1];
  world.service.pending.sweep(Number.MAX_SAFE_INTEGER);
  await world.settled();
  assert.equal(world.sent.length, 2);
  const answer = Stanza.parse(world.sent[1] ?? '');
  assert.deepEqual(
    [answer.type, answer.id, answer.from, answer.to],
    ['error', 'v', `${ROOM}/crone`, 'hag@example/r'],
  );
  assert.match(answer.text, /<remote-server-timeout /);
  // What comes too late goes nowhere.
  world.receive(`<iq type='result' id='${id}' from='crone@example/r' to='${ROOM}/hag'/>`);
  await world.settled();
  assert.equal(world.sent.length, 2);
});

for (const synchronous of [true, false]) {
  const driver = synchronous ? 'a store that answers at once' : 'a store that takes its time';

  test(`entering, talking and leaving in order, on ${driver}`, async () => {
    const world = await mucInProcess(synchronous);
    // All at once: the second waits for the room to be made, and is refused since it is not configured.
    world.receive(`<presence from='hag@example/r' to='${ROOM}/hag'>${JOIN}</presence>`);
    world.receive(`<presence from='crone@example/r' to='${ROOM}/crone'>${JOIN}</presence>`);
    await world.settled();
    assert.match(world.sent[0] ?? '', /<status code='201'\/>/);
    assert.match(world.sent.at(-1) ?? '', /<item-not-found /);
    await open(world);
    await enter(world, 'crone');
    world.sent.length = 0;
    for (let number = 0; number < 5; number++)
      world.receive(
        `<message from='crone@example/r' to='${ROOM}' type='groupchat' id='m${number}'><body>${number}</body></message>`,
      );
    world.receive(`<presence type='unavailable' from='crone@example/r' to='${ROOM}/crone'/>`);
    await world.settled();
    const toHag = world.sent.filter((text) => text.includes("to='hag@example/r'"));
    assert.deepEqual(
      toHag.map((text) => /<body>(\d)/.exec(text)?.[1] ?? (text.includes('unavailable') ? 'gone' : text)),
      ['0', '1', '2', '3', '4', 'gone'],
    );
    assert.equal(world.service.counts.unconfirmed, 0);
  });

  test(`a new process on the same ${driver} has everybody and everything`, async () => {
    const first = await mucInProcess(synchronous);
    await enter(first, 'hag');
    await open(first);
    await enter(first, 'crone');
    first.receive(
      `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m'><body>hello</body></message>`,
    );
    await first.settled();
    const second = await mucInProcess(synchronous, first.storage);
    await second.settled();
    second.sent.length = 0;
    await enter(second, 'bard');
    const told = second.sent.filter((text) => text.includes("to='bard@example/r'"));
    assert.equal(told.length, 5, told.join('\n'));
    assert.match(told[3] ?? '', /<body>hello<\/body>.*<delay /);
    // The count of a user's rooms, too.
    second.receive(`<presence from='hag@example/r' to='other@chat.example/hag'>${JOIN}</presence>`);
    await second.settled();
    assert.ok(second.sent.some((text) => text.includes('<resource-constraint ')));
  });
}

for (const synchronous of [true, false]) {
  test(`what comes while a process starts is sent once (${synchronous ? 'synchronous' : 'slow'} store)`, async () => {
    const first = await mucInProcess(synchronous);
    await enter(first, 'hag');
    await open(first);
    await enter(first, 'crone');
    const second = await mucInProcess(synchronous, first.storage);
    // held by the server until the handshake, and there with it
    for (let number = 0; number < 3; number++)
      second.receive(
        `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m${number}'><body>${number}</body></message>`,
      );
    await second.settled();
    const toCrone = second.sent.filter((text) => text.includes("to='crone@example/r'"));
    assert.deepEqual(
      toCrone.flatMap((text) => /<body>(\d)/.exec(text)?.[1] ?? []),
      ['0', '1', '2'],
    );
  });
}

test('rooms have one owner: of two processes on one store the older stops', async () => {
  const older = await mucInProcess(true);
  await older.service.checkOwner();
  assert.equal(older.superseded, false);
  const newer = await mucInProcess(true, older.storage);
  await older.service.checkOwner();
  await newer.service.checkOwner();
  assert.deepEqual([older.superseded, newer.superseded], [true, false]);
});

test('a room that nobody is in leaves memory, and comes back when it is asked for', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  world.receive(
    `<iq type='set' id='o' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>`,
  );
  world.receive(`<presence type='unavailable' from='hag@example/r' to='${ROOM}/hag'/>`);
  await world.settled();
  const room = world.service.rooms.loaded.get('coven');
  assert.ok(room);
  room.lastUsed = Number.NEGATIVE_INFINITY;
  world.service.tick();
  assert.equal(world.service.rooms.loaded.size, 0);
  world.sent.length = 0;
  await enter(world, 'crone');
  assert.match(world.sent[0] ?? '', /<item affiliation='none' role='participant'\/>/);
});
