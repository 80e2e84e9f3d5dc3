import type { Canary } from './canary.js';
import { caseSeed, Dice } from './dice.js';
import { minimise, pieces, withoutElements } from './minimise.js';
import type { SystemUnderFire } from './system.js';

/** What one case says, in order: text, or bytes that are no text. */
export type Step = string | Buffer;

/** A way in. Cases are data, so that a failing one can be repeated and made smaller. */
export interface Door {
  readonly name: string;
  start(): Promise<void>;
  make(dice: Dice): readonly Step[];
  /** Says it and judges what comes back; `dice` only for how it is cut. */
  run(steps: readonly Step[], dice: Dice, report: string): Promise<void>;
  stop(): Promise<void>;
  /** What there is to tell of it, as numbers. */
  told?(): string;
}

/** Opens a door of a system; another system for trying again what failed. */
export type OpenDoor = (system: SystemUnderFire) => Door;

const BATCH = 25;
/** With a finding at hand, so long for making its case smaller. */
const SHRINKING_MILLISECONDS = 40_000;
const LOG_MILLISECONDS = 60;

interface Attack {
  readonly cases: number;
  readonly rounds: number;
  readonly told: string;
}

/** Runs cases of one door until time is over; after each batch the processes are looked at, and the canary sings. */
export async function attack(
  system: SystemUnderFire,
  canary: Canary,
  door: Door,
  runSeed: number,
  milliseconds: number,
): Promise<Attack> {
  const { findings } = system;
  await door.start();
  system.judgeMemory(door.name);
  const end = performance.now() + milliseconds;
  const only = process.env['ENTOURAGE_FUZZ_CASE'];
  let cases = only === undefined ? 0 : Number(only);
  let rounds = 0;
  const first = cases;
  while (performance.now() < end && (only === undefined || cases === first)) {
    const batch: Case[] = [];
    const known = findings.kinds.length;
    for (let i = 0; i < BATCH && performance.now() < end; i++) {
      const dice = new Dice(caseSeed(runSeed, door.name, cases));
      const steps = door.make(dice);
      const one = {
        steps,
        cut: dice.below(2 ** 32),
        report: `case ${cases} of ${door.name}: ${shown(steps)}`,
      };
      batch.push(one);
      cases++;
      await perform(system, door, one);
      if (only !== undefined || findings.kinds.length > known) break;
    }
    const during = `during\n${batch
      .slice(-2)
      .map(({ report }) => report)
      .join('\n')}`;
    const alive = system.look(during);
    if (alive) await canary.look(during);
    const found = findings.kinds.slice(known);
    if (!alive || !system.look(during)) break;
    rounds++;
    if (found.length > 0) {
      await shrink(system, door, batch, found);
      break;
    }
  }
  system.judgeMemory(door.name);
  await door.stop();
  return { cases: cases - first, rounds, told: door.told?.() ?? '' };
}

interface Case {
  readonly steps: readonly Step[];
  /** The seed of how it is cut. */
  readonly cut: number;
  readonly report: string;
}

async function perform(system: SystemUnderFire, door: Door, { steps, cut, report }: Case): Promise<void> {
  try {
    await door.run(steps, new Dice(cut), report);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    system.findings.add(`${door.name}: ${message.slice(0, 60)}`, `${message} ${report}`);
  }
}

/** Looks for the case of a batch that alone brings one of these findings again, and says the least that does. */
async function shrink(
  system: SystemUnderFire,
  door: Door,
  batch: readonly Case[],
  kinds: readonly string[],
): Promise<void> {
  const end = performance.now() + SHRINKING_MILLISECONDS;
  const fails = async (one: Case): Promise<boolean> => {
    if (performance.now() > end) return false;
    // Lines of the log come later than answers: those of the try before are not this one's.
    const look = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, LOG_MILLISECONDS));
      system.look('again');
    };
    await system.findings.tried(look);
    const found = await system.findings.tried(async () => {
      await perform(system, door, one);
      await look();
    });
    return kinds.some((kind) => found.has(kind));
  };
  for (const one of [...batch].reverse()) {
    if (!(await fails(one))) continue;
    const small = await smallest(one.steps, (steps) => fails({ ...one, steps }));
    console.log(`# smallest that still fails: ${shown(small)}`);
    return;
  }
  console.log(`# no single case of the last ${batch.length} brings it again`);
}

/** Short enough to be read; ENTOURAGE_SEED and ENTOURAGE_FUZZ_CASE have the whole. */
export function shown(steps: readonly Step[]): string {
  const text = steps.map((step) => (typeof step === 'string' ? step : `base64:${step.toString('base64')}`));
  return JSON.stringify(text)
    .replaceAll(/(.{1,2}?)\1{19,}/gsu, (run, one: string) => `${one}{${run.length / one.length}}`)
    .slice(0, 3000);
}

/** The smallest steps that still fail: fewer steps, then fewer pieces of each. */
export async function smallest(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let small = await minimise(steps, fails, SHRINKING_MILLISECONDS);
  for (let i = 0; i < small.length; i++) {
    const step = small[i];
    if (typeof step !== 'string') continue;
    const around = small;
    const fewer = await withoutElements(step, (text) =>
      fails(around.map((one, at) => (at === i ? text : one))),
    );
    const parts = await minimise(
      pieces(fewer),
      (part) => fails(around.map((one, at) => (at === i ? part.join('') : one))),
      SHRINKING_MILLISECONDS,
    );
    const shrunk = small.map((one, at) => (at === i ? parts.join('') : one));
    if (await fails(shrunk)) small = shrunk;
  }
  return small;
}
