import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { atEndOfTurn } from '../../../components/bosh/session/end-of-turn.js';
import { LazyTimer } from '../../../components/bosh/session/lazy-timer.js';
import { OpenRequests } from '../../../components/bosh/session/open-requests.js';
import { WaitingRoom } from '../../../components/bosh/session/waiting-room.js';

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves with the milliseconds until it fires. */
function started(use: (timer: LazyTimer) => void): { fired: Promise<number>; timer: LazyTimer } {
  const start = performance.now();
  let timer: LazyTimer | undefined;
  const fired = new Promise<number>((resolve) => {
    timer = new LazyTimer(() => resolve(performance.now() - start));
    use(timer);
  });
  if (timer === undefined) throw new Error('no timer');
  return { fired, timer };
}

test('a deadline that is moved away holds, one that is moved nearer too', async () => {
  const later = started((timer) => {
    timer.set(10);
    timer.set(120);
  });
  const sooner = started((timer) => {
    timer.set(600_000);
    timer.set(10);
  });
  await sooner.fired;
  assert.equal(sooner.timer.isSet, false);
  assert.ok((await later.fired) > 115, 'not before its last deadline');
});

test('a deadline that was cleared does not fire; one set after that does', async () => {
  let count = 0;
  const timer = new LazyTimer(() => count++);
  timer.set(5);
  timer.clear();
  assert.equal(timer.isSet, false);
  await sleep(30);
  assert.equal(count, 0);
  timer.set(5);
  assert.equal(timer.isSet, true);
  await sleep(60);
  assert.equal(count, 1);
  timer.set(5);
  timer.stop();
  await sleep(30);
  assert.equal(count, 1);
});

test('the end of a turn comes once to each, in order', async () => {
  const seen: string[] = [];
  const task = (name: string, again?: string) => ({
    endOfTurn: () => {
      seen.push(name);
      if (again !== undefined) atEndOfTurn(task(again));
    },
  });
  for (const one of [task('a', 'after'), task('b')]) atEndOfTurn(one);
  assert.deepEqual(seen, []);
  // one turn for those that waited, one for what they asked for meanwhile
  for (const _ of [1, 2]) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['a', 'b', 'after']);
});

test('one that fails at the end of a turn costs the others nothing', () => {
  // In a process of its own: here an uncaught exception is the end of the test.
  const module = new URL('../../../components/bosh/session/end-of-turn.js', import.meta.url);
  const program = `
    import { atEndOfTurn } from ${JSON.stringify(module.href)};
    process.on('uncaughtException', (error) => console.log(error.message));
    atEndOfTurn({ endOfTurn() { throw new Error('a defect'); } });
    atEndOfTurn({ endOfTurn() { console.log('served'); } });
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(child.stdout, 'a defect\nserved\n');
});

test('no open request: nobody is alive, nothing expires', () => {
  const open = new OpenRequests(new WaitingRoom(1_000));
  assert.equal(open.isAlive(true), false);
  assert.equal(open.nextExpiry, Number.POSITIVE_INFINITY);
  assert.deepEqual(open.expired(performance.now()), []);
});
