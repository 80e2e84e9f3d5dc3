// Loaded into a process under test (`NODE_OPTIONS=--import=…`): on SIGUSR2 it collects its garbage and writes what it then
// holds into the file that ENTOURAGE_PROBE names, with `.PID` behind it.
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const target = process.env['ENTOURAGE_PROBE'];
if (isMainThread && target !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    collect();
    // what the first collection released through finalizers and weak references
    setTimeout(() => {
      collect();
      const { heapUsed, external, rss } = process.memoryUsage();
      const counts: Record<string, number> = {};
      for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
      const file = `${target}.${process.pid}`;
      writeFileSync(
        `${file}.part`,
        JSON.stringify({ heapUsed, external, rss, descriptors: readdirSync('/proc/self/fd').length, counts }),
      );
      renameSync(`${file}.part`, file);
    }, 20);
  });
}
