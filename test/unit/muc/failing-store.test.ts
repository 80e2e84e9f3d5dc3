import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageError } from '../../../shared/storage/storage.js';
import { createMemoryStorage, type MemoryStorage } from '../../tools/memory-storage.js';
import { enter, JOIN, mucInProcess, open, ROOM } from '../../tools/muc/in-process.js';

test('a store that fails: the sender is told, nobody is shown what is not durable, and it goes on afterwards', async () => {
  const world = await mucInProcess(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  world.storage.failWith(new StorageError('full', 'no space left'));
  world.receive(
    `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m1'><body>one</body></message>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 1, world.sent.join('\n'));
  assert.match(world.sent[0] ?? '', /type='error'.*<resource-constraint /);
  world.storage.failWith();
  world.sent.length = 0;
  world.receive(
    `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m2'><body>two</body></message>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 2, world.sent.join('\n'));
  world.sent.length = 0;
  await enter(world, 'bard');
  const history = world.sent.filter((text) => text.includes('<delay '));
  assert.deepEqual(
    history.map((text) => /<body>(\w+)/.exec(text)?.[1]),
    ['two'],
  );
});

test('a store that takes part of a batch: what is archived is shown, and only the rest is refused', async () => {
  const storage = createMemoryStorage();
  const choosy: MemoryStorage = {
    ...storage,
    archive(definition) {
      const archive = storage.archive(definition);
      const append: typeof archive.append = (owner, value) =>
        JSON.stringify(value).includes('<body>two')
          ? Promise.reject(new StorageError('unavailable', 'the primary is gone'))
          : archive.append(owner, value);
      return { ...archive, append };
    },
  };
  const world = await mucInProcess(true, choosy);
  await enter(world, 'hag');
  await open(world);
  world.sent.length = 0;
  for (const body of ['one', 'two', 'three']) {
    world.receive(
      `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='${body}'><body>${body}</body></message>`,
    );
  }
  await world.settled();
  const told = world.sent.map(
    (text) => `${/ type='(\w+)'/.exec(text)?.[1]} ${/ id='(\w+)'/.exec(text)?.[1]}`,
  );
  assert.deepEqual(told, ['groupchat one', 'error two', 'groupchat three']);
  // a new process shows newcomers the same
  const next = await mucInProcess(true, choosy);
  next.sent.length = 0;
  await enter(next, 'bard');
  const history = next.sent.filter((text) => text.includes('<delay '));
  assert.deepEqual(
    history.map((text) => /<body>(\w+)/.exec(text)?.[1]),
    ['one', 'three'],
  );
  assert.equal(next.service.counts.unconfirmed, 0);
});

const FULL = new StorageError('full', 'no space left');
const kinds = (texts: string[]) =>
  texts
    .splice(0)
    .map((text) =>
      [
        /^<(\w+)/.exec(text)?.[1],
        / type='(\w+)'/.exec(text)?.[1] ?? 'available',
        / to='(\w+)@/.exec(text)?.[1],
      ].join(' '),
    );

for (const synchronous of [true, false]) {
  const driver = synchronous ? 'synchronous' : 'slow';

  test(`who could not be let in for good is not in the room, and enters it later (${driver} store)`, async () => {
    const world = await mucInProcess(synchronous);
    world.storage.failWith(FULL);
    await enter(world, 'hag');
    assert.deepEqual(kinds(world.sent), ['presence error hag']);
    world.storage.failWith();
    // Neither has the room been made, nor does it count.
    await enter(world, 'hag');
    assert.match(world.sent[0] ?? '', /<status code='201'\/>/);
    await open(world);
    world.storage.failWith(FULL);
    world.sent.length = 0;
    await enter(world, 'crone');
    assert.deepEqual(kinds(world.sent), ['presence error crone']);
    world.storage.failWith();
    world.receive(`<message from='hag@example/r' to='${ROOM}' type='groupchat'><body>hush</body></message>`);
    await world.settled();
    assert.deepEqual(kinds(world.sent), ['message groupchat hag']);
    await enter(world, 'crone');
    assert.equal(kinds(world.sent)[1], 'presence available hag');
  });

  test(`who leaves or is removed is gone, for all to see, and in the store as soon as that can be (${driver} store)`, async () => {
    const world = await mucInProcess(synchronous);
    await enter(world, 'hag');
    await open(world);
    for (const user of ['crone', 'bard']) await enter(world, user);
    world.sent.length = 0;
    world.storage.failWith(FULL);
    world.receive(`<presence type='unavailable' from='crone@example/r' to='${ROOM}/crone'/>`);
    await world.settled();
    assert.deepEqual(kinds(world.sent), [
      'presence unavailable crone',
      'presence unavailable hag',
      'presence unavailable bard',
    ]);
    world.receive(
      `<iq type='set' id='k' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'><item nick='bard' role='none'/></query></iq>`,
    );
    await world.settled();
    // Done, but not for good: that is no success.
    assert.deepEqual(kinds(world.sent), [
      'presence unavailable bard',
      'presence unavailable hag',
      'iq error hag',
    ]);
    const [room] = world.service.rooms.loaded.values();
    world.receive(`<presence type='unavailable' from='hag@example/r' to='${ROOM}/hag'/>`);
    await world.settled();
    if (room !== undefined) room.lastUsed = Number.NEGATIVE_INFINITY;
    world.storage.failWith();
    world.service.tick();
    await world.settled();
    const next = await mucInProcess(synchronous, world.storage);
    assert.equal(await next.service.rooms.find('coven'), null, 'it has ended with its last occupant');
  });

  test(`a subject that could not be stored is nobody's subject (${driver} store)`, async () => {
    const world = await mucInProcess(synchronous);
    await enter(world, 'hag');
    await open(world);
    const { rooms, journal } = world.service.store;
    const { put } = rooms;
    Object.assign(rooms, { put: () => Promise.reject(FULL) });
    world.sent.length = 0;
    world.receive(
      `<message from='hag@example/r' to='${ROOM}' type='groupchat'><subject>Fire burn</subject></message>`,
    );
    await world.settled();
    assert.deepEqual(kinds(world.sent), ['message error hag']);
    Object.assign(rooms, { put });
    await enter(world, 'crone');
    assert.match(world.sent.at(-1) ?? '', /<subject\/>/);
    await world.service.drain(1_000);
    assert.equal(await journal.get('coven'), undefined, 'nothing is unfinished');
  });
}

test('a room that cannot be read costs the others neither the look after their occupants nor their end', async () => {
  const storage = createMemoryStorage();
  const before = await mucInProcess(true, storage);
  before.receive(`<presence from='crone@example/r' to='another@chat.example/crone'>${JOIN}</presence>`);
  await enter(before, 'hag');
  const damaged: MemoryStorage = {
    ...storage,
    keyval(definition) {
      const all = storage.keyval(definition);
      if (definition.name !== 'muc-rooms') return all;
      const corrupt = (owner: string): void => {
        if (owner === 'another') throw new StorageError('corrupt', 'not JSON');
      };
      return {
        ...all,
        async get(owner) {
          corrupt(owner);
          return all.get(owner);
        },
        getSync(owner) {
          corrupt(owner);
          return all.getSync(owner);
        },
      };
    },
  };
  const world = await mucInProcess(true, damaged);
  await world.settled();
  assert.deepEqual(kinds(world.sent), ['iq get hag']);
  assert.equal(await world.service.close(), 1);
  await world.settled();
  assert.deepEqual(kinds(world.sent), ['presence unavailable hag']);
});

test('a public log has what was said to all, and nothing that was refused', async () => {
  const world = await mucInProcess(true);
  const logged: string[] = [];
  const publicLog = {
    message: (_room: unknown, _at: number, nick: string, text: string) => logged.push(`<${nick}> ${text}`),
    subject: (_room: unknown, _at: number, nick: string, text: string) => logged.push(`* ${nick} ${text}`),
    flush: () => Promise.resolve(),
  };
  Object.assign(world.service, { publicLog });
  await enter(world, 'hag');
  await open(world);
  const [room] = world.service.rooms.loaded.values();
  if (room !== undefined) room.config = { ...room.config, logging: true };
  const say = async (content: string): Promise<void> => {
    world.receive(`<message from='hag@example/r' to='${ROOM}' type='groupchat'>${content}</message>`);
    await world.settled();
  };
  await say('<body>one</body>');
  world.storage.failWith(FULL);
  await say('<body>two</body>');
  await say('<subject>three</subject>');
  world.storage.failWith();
  await say('<subject>four</subject>');
  assert.deepEqual(logged, ['<hag> one', '* hag four']);
});
