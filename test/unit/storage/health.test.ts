import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { stanzaErrorOf } from '../../../shared/entity/failure.js';
import { StorageHealth, watched } from '../../../shared/storage/health.js';
import { type Storage, StorageError } from '../../../shared/storage/storage.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { recordingLogger } from '../../tools/silent-logger.js';

test('a store that fails is said to fail once, tried until it works, and said to work', async (t) => {
  const told: (string | null)[] = [];
  const events = new EventEmitter();
  const alive = setTimeout(() => {}, 5000); // its own timer keeps no process from ending
  let works = false;
  let tries = 0;
  const health = new StorageHealth({
    log: recordingLogger(),
    tryEvery: 5,
    ping: async () => {
      tries++;
      if (tries > 3) works = true;
      if (!works) throw new StorageError('full', 'no space left');
    },
    changed: (problem) => {
      told.push(problem);
      events.emit('changed');
    },
  });
  t.after(() => {
    health.close();
    clearTimeout(alive);
  });
  health.failed(new StorageError('conflict', 'somebody was faster'));
  assert.deepEqual(told, []);
  health.failed(new StorageError('full', 'no space left'));
  health.failed(new StorageError('full', 'no space left'));
  assert.deepEqual(told, ['the store does not work (full)']);
  await once(events, 'changed', { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(told, ['the store does not work (full)', null]);
  assert.equal(tries, 4);
});

test('a store that fails while it is opened is waited for', async (t) => {
  const told: (string | null)[] = [];
  const events = new EventEmitter();
  const alive = setTimeout(() => {}, 5000);
  let opened: (storage: Storage) => void = () => {};
  const opening = watched(
    (failed) => {
      failed(new StorageError('unavailable', 'nobody listens there'));
      return new Promise((resolve) => {
        opened = resolve;
      });
    },
    {
      log: recordingLogger(),
      tryEvery: 5,
      changed: (problem) => {
        told.push(problem);
        events.emit('changed');
      },
    },
  );
  // several tries go by before there is anything to try
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(told, ['the store does not work (unavailable)']);
  const changed = once(events, 'changed', { signal: AbortSignal.timeout(5000) });
  opened(createMemoryStorage());
  const storage = await opening;
  t.after(() => {
    clearTimeout(alive);
    return storage.close();
  });
  await changed;
  assert.deepEqual(told, ['the store does not work (unavailable)', null]);
});

test('what the sender is told of a failure', () => {
  const said = (error: unknown): string => {
    const { type, condition } = stanzaErrorOf(error);
    return `${type} ${condition}`;
  };
  assert.equal(said(new StorageError('full', '')), 'wait resource-constraint');
  assert.equal(said(new StorageError('unavailable', '')), 'wait internal-server-error');
  assert.equal(said(new StanzaError('forbidden')), 'auth forbidden');
  assert.equal(said(new TypeError('a mistake of ours')), 'cancel internal-server-error');
});
