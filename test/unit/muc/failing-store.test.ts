import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStorage, type MemoryStorage } from '../../../shared/storage/memory.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { enter, mucInProcess, open, ROOM } from '../../tools/muc/in-process.js';

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
