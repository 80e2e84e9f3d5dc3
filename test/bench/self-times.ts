/**
 * Where a process spent its time: `node dist/test/bench/self-times.js FILE.cpuprofile [ROWS [SECONDS]]` prints the functions with
 * the most time of their own in the last SECONDS, in per cent of the time that was not idle. Files come from `node --cpu-prof` (test/bench/load/profile.sh).
 */
import { readFileSync } from 'node:fs';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

const [file, rows = '25', seconds = 'Infinity'] = process.argv.slice(2);
if (file === undefined) throw new Error('which profile?');
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
const names = new Map(
  profile.nodes.map(({ id, callFrame }) => {
    const place = callFrame.url.split('/').slice(-2).join('/');
    return [id, `${callFrame.functionName || '(anonymous)'} ${place}`.trim()];
  }),
);
const times = new Map<string, number>();
let busy = 0;
let toCome = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0);
for (const [index, sample] of profile.samples.entries()) {
  const name = names.get(sample) ?? '';
  const delta = profile.timeDeltas[index] ?? 0;
  toCome -= delta;
  if (name === '(idle)' || toCome > Number(seconds) * 1e6) continue;
  busy += delta;
  times.set(name, (times.get(name) ?? 0) + delta);
}
const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, Number(rows));
for (const [name, time] of sorted) {
  console.log(`${((100 * time) / busy).toFixed(1).padStart(5)} %  ${name}`);
}
