import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MongoClient } from 'mongodb';
import type { LogFields, Logger } from '../../../shared/observability/types.js';
import { copyStore } from '../../../shared/storage/copy.js';
import { MongoStorage } from '../../../shared/storage/mongodb.js';
import { startTestServer } from '../../tools/ferretdb/server.js';
import { describeStorage, log, notes, rejectsWith } from '../../unit/storage/conformance.js';
import { checkCopy, fillStores } from '../../unit/storage/copy-sample.js';
import { silentLog } from '../../unit/storage/silent-log.js';

const started = await startTestServer();

class Recorder implements Logger {
  readonly lines: LogFields[] = [];
  readonly #events = new EventEmitter();
  trace(): void {}
  debug(): void {}
  info(fields: LogFields): void {
    this.lines.push(fields);
    this.#events.emit(fields.code);
  }
  warn(fields: LogFields): void {
    this.info(fields);
  }
  error(fields: LogFields): void {
    this.info(fields);
  }
  async seen(code: string): Promise<void> {
    if (this.codes().includes(code)) return;
    await once(this.#events, code, { signal: AbortSignal.timeout(30_000) });
  }
  child(): Logger {
    return this;
  }
  isLevelEnabled(): boolean {
    return true;
  }
  codes(): string[] {
    return this.lines.map((line) => line.code);
  }
}

if (started.skip !== undefined) {
  test('mongodb driver', { skip: started.skip }, () => {});
} else {
  const { server, stop } = started;
  // A database of our own, in case the server is somebody's.
  const url = databaseUrl(started.url, `entourage_test_${randomUUID().slice(0, 8)}`);
  const open = (recorder = new Recorder(), process = 'conformance'): Promise<MongoStorage> =>
    MongoStorage.open({ url, process, log: recorder });

  after(async () => {
    const client = new MongoClient(url);
    await client.db().dropDatabase();
    await client.close();
    await stop();
  });

  describeStorage('mongodb', open);

  describe('mongodb: two connections', () => {
    let a: MongoStorage;
    let b: MongoStorage;
    before(async () => {
      [a, b] = await Promise.all([open(), open()]);
    });
    after(async () => {
      await Promise.all([a.close(), b.close()]);
    });

    test('of two creations at once exactly one wins', async () => {
      for (let round = 0; round < 10; round++) {
        const owner = `create-${round}`;
        const results = await Promise.allSettled([
          a.keyval(notes).put(owner, { text: 'a' }, { expect: 0 }),
          b.keyval(notes).put(owner, { text: 'b' }, { expect: 0 }),
        ]);
        assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
        const winner = results[0]?.status === 'fulfilled' ? 'a' : 'b';
        assert.deepEqual(await a.keyval(notes).get(owner), { value: { text: winner }, version: 1 });
      }
    });

    test('counting up with compare-and-set from both sides loses no step', async () => {
      const counter = 'counter';
      await a.keyval(notes).put(counter, { text: '0' });
      let conflicts = 0;
      const countUp = async (storage: MongoStorage): Promise<void> => {
        const collection = storage.keyval(notes);
        for (let step = 0; step < 10; ) {
          const found = await collection.get(counter);
          assert.ok(found);
          try {
            await collection.put(
              counter,
              { text: String(Number(found.value.text) + 1) },
              { expect: found.version },
            );
            step += 1;
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'conflict');
            conflicts += 1;
          }
        }
      };
      await Promise.all([countUp(a), countUp(b)]);
      assert.deepEqual(await a.keyval(notes).get(counter), { value: { text: '20' }, version: 21 });
      assert.ok(conflicts > 0, 'the two never met: the test shows nothing');
    });

    test('both write the same new owners at once without an expectation', async () => {
      const owners = Array.from({ length: 20 }, (_, index) => `both-${index}`);
      const versions = await Promise.all(
        owners.flatMap((owner) => [a, b].map((one) => one.keyval(notes).put(owner, { text: 'x' }))),
      );
      assert.ok(versions.every((version) => version === 1 || version === 2));
      for (const owner of owners) assert.equal((await a.keyval(notes).get(owner))?.version, 2);
    });

    test('both append to one archive: every id once', async () => {
      const ids = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? a : b).archive(log).append('shared', { text: 'x' }),
        ),
      );
      assert.equal(new Set(ids).size, 100);
      assert.equal(await a.archive(log).count('shared'), 100);
    });

    test('a counter that fell behind its entries is lifted above them', async () => {
      const archive = a.archive({ ...log, name: 'behind' });
      for (const text of 'abc') await archive.append('room', { text });
      const client = new MongoClient(url);
      await client.db().collection('conformance_behind.heads').deleteMany({});
      await client.close();
      assert.ok((await archive.append('room', { text: 'd' })) > 3);
      assert.deepEqual(
        (await archive.page('room')).map((entry) => entry.value.text),
        [...'abcd'],
      );
    });

    test('collections carry the name of their process', async () => {
      await a.keyval(notes).put('x', { text: 'x' });
      const client = new MongoClient(url);
      const names = (await client.db().listCollections().toArray()).map((collection) => collection.name);
      await client.close();
      assert.ok(names.includes('conformance_notes'), names.join());
      assert.ok(
        names.every((name) => /^conformance[_.]/.test(name)),
        names.join(),
      );
    });
  });

  test('a store is copied from lmdb to mongodb and back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'entourage-copy-'));
    const there = databaseUrl(started.url, `entourage_copy_${randomUUID().slice(0, 8)}`);
    try {
      await fillStores(`lmdb:${folder}/a`, silentLog);
      const out = await copyStore(`lmdb:${folder}/a`, there, { log: silentLog });
      // The same checksums on the way back: nothing was changed by either.
      assert.deepEqual(await copyStore(there, `lmdb:${folder}/b`, { log: silentLog }), out);
      await checkCopy(there, silentLog);
      await checkCopy(`lmdb:${folder}/b`, silentLog);
    } finally {
      const client = new MongoClient(there);
      await client.db().dropDatabase();
      await client.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  describe('mongodb: the server goes away', {
    skip: server === undefined && 'MONGODB_TEST_URL is not ours to stop',
  }, () => {
    test('writes and reads wait for it and go through; nothing acknowledged is lost', async () => {
      const recorder = new Recorder();
      const storage = await open(recorder);
      const collection = storage.keyval(notes);
      const archive = storage.archive(log);
      await collection.put('before', { text: 'x' });
      await server?.kill();
      const writes = [
        collection.put('during', { text: 'y' }),
        collection.put('created', { text: 'y' }, { expect: 0 }),
        collection.put('before', { text: 'z' }, { expect: 1 }),
      ];
      const appends = Promise.all(['a', 'b'].map((text) => archive.append('during', { text })));
      const read = collection.get('before');
      await recorder.seen('storage.retrying');
      await server?.start();
      assert.deepEqual(await Promise.all(writes), [1, 1, 2]);
      assert.deepEqual((await read)?.value.text, 'z');
      const ids = await appends;
      assert.deepEqual(
        (await archive.page('during')).map((entry) => [entry.id, entry.value.text]),
        [
          [ids[0], 'a'],
          [ids[1], 'b'],
        ],
      );
      await storage.close();
    });

    test('what takes too long is unavailable, and works again later', async () => {
      const storage = await MongoStorage.open({
        url,
        process: 'brief',
        log: new Recorder(),
        retryTimeout: 300,
      });
      await server?.kill();
      await rejectsWith(storage.keyval(notes).put('x', { text: 'x' }), 'unavailable');
      await rejectsWith(storage.archive(log).append('x', { text: 'x' }), 'unavailable');
      await rejectsWith(storage.ping(), 'unavailable');
      await server?.start();
      await storage.ping();
      assert.equal(await storage.keyval(notes).put('y', { text: 'x' }), 1);
      assert.equal(await storage.archive(log).append('x', { text: 'x' }), 1);
      await storage.close();
    });

    test('closing does not wait for ever for a database that is away', async () => {
      const storage = await MongoStorage.open({
        url,
        process: 'closing',
        log: new Recorder(),
        closeTimeout: 100,
      });
      await server?.kill();
      const writes = [
        storage.keyval(notes).put('x', { text: 'x' }),
        storage.archive(log).append('x', { text: 'x' }),
      ];
      const results = Promise.allSettled(writes);
      await storage.close();
      for (const result of await results) {
        assert.equal(
          result.status === 'rejected' && (result.reason as { code?: string }).code,
          'unavailable',
        );
      }
      await rejectsWith(storage.keyval(notes).put('x', { text: 'x' }), 'unavailable');
      await server?.start();
    });

    test('a start waits for the database and says so', async () => {
      await server?.kill();
      const recorder = new Recorder();
      const opening = MongoStorage.open({ url, process: 'early', log: recorder });
      while (!recorder.codes().includes('storage.waiting'))
        await new Promise((resolve) => setTimeout(resolve, 20));
      await server?.start();
      const storage = await opening;
      assert.deepEqual(recorder.codes().slice(-1), ['storage.connected']);
      await storage.close();
    });

    test('a start gives up after its bound', async () => {
      await server?.kill();
      const opening = MongoStorage.open({ url, process: 'early', log: new Recorder(), startTimeout: 300 });
      await rejectsWith(opening, 'unavailable');
      await server?.start();
    });
  });
}

function databaseUrl(base: string, database: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  return url.href;
}
