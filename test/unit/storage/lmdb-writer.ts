// A process that writes to a store until it is killed, and prints what was acknowledged; or that only holds it.
import { LmdbStorage } from '../../../shared/storage/lmdb.js';
import { log, notes } from './conformance.js';

const [folder, mode] = process.argv.slice(2);
// run by a pattern that takes all of this folder for tests, it would fill the disk
if (folder === undefined) throw new Error('which folder?');
const storage = new LmdbStorage({ folder, process: 'core' });
const documents = storage.keyval(notes);
const archive = storage.archive(log);

if (mode === 'hold') {
  await documents.put('alice', { text: 'held' });
  console.log('held');
  setInterval(() => {}, 60_000);
} else {
  const say = (line: string): void => {
    // Synchronously, so that what was acknowledged is told before the end.
    process.stdout.write(`${line}\n`);
  };
  let next = 0;
  for (;;) {
    const turn = Array.from({ length: 5 }, () => {
      next += 1;
      const text = String(next);
      return archive.append('room', { text }).then((id) => say(`append room ${id}`));
    });
    const owner = `owner-${next % 7}`;
    const present = documents.getSync(owner);
    const version = present === undefined || present === 'async' ? 1 : present.version + 1;
    turn.push(documents.put(owner, { text: String(version) }).then((done) => say(`put ${owner} ${done}`)));
    // Not each turn is waited for: some writes are always under way.
    if (next % 3 === 0) await Promise.all(turn);
    else await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
