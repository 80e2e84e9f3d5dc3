import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { LmdbStorage } from '../../../shared/storage/lmdb.js';
import { LmdbWriter } from '../../../shared/storage/lmdb-writer.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { describeStorage, log, notes, rejectsWith } from './conformance.js';

const scratch = mkdtempSync(join(tmpdir(), 'entourage-lmdb-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const WRITER = join(import.meta.dirname, 'lmdb-writer.js');
let unique = 0;
const newFolder = (): string => join(scratch, String(++unique));
const open = (folder: string, readOnly = false): LmdbStorage =>
  new LmdbStorage({ folder, process: 'core', readOnly });

describeStorage('lmdb', async () => open(newFolder()));

function throwsWith(action: () => unknown, code: string): StorageError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`nothing was thrown; expected ${code}`);
}

describe('lmdb: durability', () => {
  test('kill -9 of a writer loses nothing that was acknowledged', async () => {
    const folder = newFolder();
    const child = spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const acknowledged: { documents: Map<string, number>; entries: number } = {
      documents: new Map(),
      entries: 0,
    };
    for await (const line of lines) {
      const [kind, owner, number] = line.split(' ');
      if (kind === 'put') acknowledged.documents.set(String(owner), Number(number));
      else acknowledged.entries = Math.max(acknowledged.entries, Number(number));
      // In the middle of its work: more is queued and under way.
      if (acknowledged.entries >= 200) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    assert.equal(child.signalCode, 'SIGKILL');

    const storage = open(folder);
    assert.ok(acknowledged.documents.size > 0);
    for (const [owner, version] of acknowledged.documents) {
      const found = await storage.keyval(notes).get(owner);
      assert.ok(found !== undefined && found.version >= version, `${owner}: ${found?.version} < ${version}`);
      assert.equal(found.value.text, String(found.version));
    }
    const entries = await storage.archive(log).page('room');
    assert.ok(entries.length >= acknowledged.entries);
    // Without a gap, each with the text of its append.
    assert.ok(
      entries.every((entry, index) => entry.id === index + 1 && entry.value.text === String(entry.id)),
    );
    await storage.close();
  });

  test('what is queued when the store closes is kept', async () => {
    const folder = newFolder();
    const storage = open(folder);
    const write = storage.keyval(notes).put('alice', { text: 'x' });
    await storage.close();
    assert.equal(await write, 1);
    const again = open(folder);
    assert.equal(again.keyval(notes).getSync('alice') !== undefined, true);
    await again.close();
  });

  test('the thread that writes ends when idle, and comes back for the next write', async () => {
    const folder = newFolder();
    const storage = open(folder);
    storage.keyval(notes);
    const writer = new LmdbWriter(join(folder, 'core'), () => {}, 1);
    for (const owner of ['a', 'b', 'c']) {
      await writer.write('keyval:notes', owner, '{"schemaVersion":1,"version":1,"value":{"text":"x"}}')
        .durable;
      assert.equal(writer.running, true);
      for (let wait = 0; writer.running && wait < 500; wait++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(writer.running, false);
    }
    await writer.close();
    await storage.close();
    const again = open(folder);
    assert.equal(await again.keyval(notes).count(), 3);
    await again.close();
  });

  test('a closed store refuses', async () => {
    const storage = open(newFolder());
    const collection = storage.keyval(notes);
    await storage.close();
    await storage.close();
    throwsWith(() => collection.getSync('alice'), 'unavailable');
    await rejectsWith(collection.put('alice', { text: 'x' }), 'unavailable');
    await rejectsWith(storage.ping(), 'unavailable');
  });

  test('nobody else can read the files', async () => {
    const folder = newFolder();
    const storage = open(folder);
    assert.equal(statSync(join(folder, 'core')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'core', 'data.mdb')).mode & 0o777, 0o600);
    await storage.close();
  });
});

describe('lmdb: one process writes', () => {
  test('a second process is refused, by the pid of the first; a reader is not', async () => {
    const folder = newFolder();
    const child = spawn(process.execPath, [WRITER, folder, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(createInterface({ input: child.stdout }), 'line');
      const error = throwsWith(() => open(folder), 'locked');
      assert.match(error.message, new RegExp(`process ${child.pid}\\b`));
      const reader = open(folder, true);
      assert.equal((await reader.keyval(notes).get('alice'))?.value.text, 'held');
      assert.equal(await reader.keyval({ ...notes, name: 'nothing-yet' }).get('alice'), undefined);
      await rejectsWith(reader.keyval(notes).put('alice', { text: 'x' }), 'read-only');
      await rejectsWith(reader.archive(log).append('alice', { text: 'x' }), 'read-only');
      await reader.ping();
      await reader.close();
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // The lock of a dead process is taken over.
    const storage = open(folder);
    assert.equal((await storage.keyval(notes).get('alice'))?.value.text, 'held');
    await storage.close();
  });

  test('the same process cannot open a store twice, but again after closing', async () => {
    const folder = newFolder();
    const storage = open(folder);
    throwsWith(() => open(folder), 'locked');
    await storage.close();
    await open(folder).close();
  });

  test('locks left behind: a pid that was given out again, another host, rubbish', async () => {
    const folder = newFolder();
    await open(folder).close();
    const lock = join(folder, 'core', 'writer.lock');
    const old = new Date(Date.now() - 60_000);
    // Our own pid, but another start: that holder is dead.
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostOf(folder), started: 'x/1', id: 'a' }));
    await open(folder).close();
    // Another host: only its heartbeat tells.
    writeFileSync(lock, JSON.stringify({ pid: 1, host: 'elsewhere.example', started: 'x/1', id: 'a' }));
    assert.match(throwsWith(() => open(folder), 'locked').message, /elsewhere\.example/);
    utimesSync(lock, old, old);
    await open(folder).close();
    writeFileSync(lock, '');
    throwsWith(() => open(folder), 'locked');
    utimesSync(lock, old, old);
    const storage = open(folder);
    assert.equal(JSON.parse(readFileSync(lock, 'utf8')).pid, process.pid);
    await storage.close();
  });

  /** This host's name, as a lock has it. */
  function hostOf(folder: string): string {
    const other = `${folder}-host`;
    const storage = open(other);
    const { host } = JSON.parse(readFileSync(join(other, 'core', 'writer.lock'), 'utf8'));
    void storage.close();
    return String(host);
  }
});

describe('lmdb: backup', () => {
  test('a backup taken while the store is written opens as it is, and is consistent', async () => {
    const folder = newFolder();
    const target = newFolder();
    const storage = open(folder);
    const [left, right] = [storage.keyval(notes), storage.keyval({ ...notes, name: 'right' })];
    await storage.archive(log).append('room', { text: 'x' });
    let round = 0;
    let backed = false;
    const writing = (async () => {
      // Both sides are written in one turn: a copy must have them equal.
      while (!backed) {
        round += 1;
        await Promise.all([left, right].map((side) => side.put('owner', { text: String(round) })));
      }
    })();
    await storage.backup(target);
    backed = true;
    await writing;
    await rejectsWith(storage.backup(target), 'unsupported');
    await storage.close();

    const copy = open(target);
    const found = await copy.keyval(notes).get('owner');
    assert.deepEqual(await copy.keyval({ ...notes, name: 'right' }).get('owner'), found);
    assert.ok(found !== undefined && Number(found.value.text) <= round);
    assert.equal(await copy.archive(log).count('room'), 1);
    assert.equal(await copy.archive(log).append('room', { text: 'y' }), 2);
    await copy.close();
  });

  test('a process without the lock can back up a store in use', async () => {
    const folder = newFolder();
    const target = newFolder();
    const storage = open(folder);
    await storage.keyval(notes).put('alice', { text: 'x' });
    const reader = open(folder, true);
    await reader.backup(target);
    await reader.close();
    const copy = open(target);
    assert.equal((await copy.keyval(notes).get('alice'))?.value.text, 'x');
    await copy.close();
    await storage.close();
  });
});

describe('lmdb: faults', () => {
  test('a full disk is full: the write fails, earlier ones stay, and it works again with space', async (t) => {
    const mount = mkdtempSync(join(scratch, 'mount-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount], {
      encoding: 'utf8',
    });
    if (mounted.status !== 0) return t.skip('a small tmpfs cannot be mounted here (not root)');
    try {
      writeFileSync(join(mount, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
      const storage = open(join(mount, 'data'));
      const collection = storage.keyval(notes);
      await collection.put('kept', { text: 'x' });
      let failure: StorageError | undefined;
      for (let round = 0; failure === undefined && round < 100; round++) {
        const write = collection.put(`big-${round}`, { text: 'x'.repeat(100_000) });
        await write.catch((error: unknown) => {
          assert.ok(error instanceof StorageError, String(error));
          failure = error;
        });
      }
      assert.equal(failure?.code, 'full', failure?.message);
      assert.equal((await collection.get('kept'))?.value.text, 'x');
      await rejectsWith(collection.put('more', { text: 'x'.repeat(100_000) }), 'full');
      assert.equal(await collection.get('more'), undefined, 'what failed must not be seen');
      await rejectsWith(storage.archive(log).append('more', { text: 'x'.repeat(100_000) }), 'full');
      rmSync(join(mount, 'ballast'));
      assert.equal(await collection.put('more', { text: 'y'.repeat(100_000) }), 1);
      assert.ok((await storage.archive(log).append('more', { text: 'z' })) >= 1);
      await storage.close();
      const again = open(join(mount, 'data'));
      assert.equal((await again.keyval(notes).get('kept'))?.value.text, 'x');
      assert.equal((await again.keyval(notes).get('more'))?.value.text.length, 100_000);
      assert.equal(await again.archive(log).count('more'), 1);
      await again.close();
    } finally {
      spawnSync('umount', ['-l', mount]);
    }
  });

  test('a folder that cannot be written is read-only', async (t) => {
    const folder = newFolder();
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    if (process.getuid?.() === 0) {
      // Root is stopped by a read-only mount alone.
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', folder]);
      if (mounted.status !== 0) return t.skip('a read-only tmpfs cannot be mounted here');
    }
    try {
      throwsWith(() => open(folder), 'read-only');
    } finally {
      if (process.getuid?.() === 0) spawnSync('umount', ['-l', folder]);
    }
  });

  test('a file that is no store is corrupt, and what is not there cannot be looked at', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'core'), { recursive: true });
    writeFileSync(join(folder, 'core', 'data.mdb'), Buffer.alloc(65_536, 7));
    throwsWith(() => open(folder), 'corrupt');
    // A refused store is not left locked.
    assert.equal(existsSync(join(folder, 'core', 'writer.lock')), false);
    throwsWith(() => open(folder, true), 'corrupt');
    throwsWith(() => open(newFolder(), true), 'unavailable');
    const cut = newFolder();
    await open(cut).close();
    truncateSync(join(cut, 'core', 'data.mdb'), 5000);
    throwsWith(() => open(cut), 'corrupt');
  });

  test('it grows far beyond its first size', async () => {
    const storage = open(newFolder());
    const collection = storage.keyval(notes);
    const text = 'x'.repeat(64 * 1024);
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => collection.put(`o${round}-${index}`, { text })),
      );
    }
    assert.equal(await collection.count(), 500);
    assert.equal((await collection.get('o9-49'))?.value.text.length, text.length);
    await storage.close();
  });
});
