import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Creators } from '../../../components/muc/creators.js';
import { CREATORS } from '../../../components/muc/rooms/documents.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { recordingLogger } from '../../tools/silent-logger.js';

// The counts of rooms, which are written whole: a server's count has up to a thousand names of a thousand octets.
function harness() {
  const collection = createMemoryStorage().keyval(CREATORS);
  const written: string[] = [];
  const counted: typeof collection = Object.create(collection, {
    put: {
      value: (...all: Parameters<typeof collection.put>) => {
        written.push(all[0]);
        return collection.put(...all);
      },
    },
  });
  const policy = { roomsPerUser: 100, roomsPerServer: 1000, localDomains: new Set(['localhost']) };
  const creators = new Creators(counted, policy, recordingLogger());
  const stored = async (of: string) => (await collection.get(of))?.value.rooms ?? [];
  return { creators, stored, writes: (of: string) => written.filter((one) => one === of).length };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('rooms made and left again and again are counted at once, but written now and then', async () => {
  const { creators, stored, writes } = harness();
  for (let room = 0; room < 500; room++) creators.add(`u${room}@evil.lit`, `room${room}`);
  await turn();
  assert.equal(await creators.count('@evil.lit'), 500);
  await creators.flush();
  assert.equal((await stored('@evil.lit')).length, 500);
  const before = writes('@evil.lit');
  for (let round = 0; round < 500; round++) {
    creators.add('one@evil.lit', 'more');
    creators.remove('one@evil.lit', 'more');
    await turn();
  }
  assert.equal(await creators.count('@evil.lit'), 500);
  creators.remove('u0@evil.lit', 'room0');
  await turn();
  await creators.flush();
  assert.equal((await stored('@evil.lit')).length, 499);
  assert.deepEqual(await stored('one@evil.lit'), []);
  const times = writes('@evil.lit') - before;
  assert.ok(times < 100, `${times} writes`);
});

test('what is not written yet is not lost, and goes on after a flush', async () => {
  const { creators, stored } = harness();
  creators.add('romeo@localhost', 'one');
  creators.add('romeo@localhost', 'two');
  await turn();
  await creators.flush();
  assert.deepEqual(await stored('romeo@localhost'), ['one', 'two']);
  assert.deepEqual(await stored('@localhost'), [], 'of local accounts only their own');
  creators.remove('romeo@localhost', 'one');
  await turn();
  await creators.flush();
  assert.deepEqual(await stored('romeo@localhost'), ['two']);
  creators.add('not an address@', 'three');
  await creators.flush();
});
