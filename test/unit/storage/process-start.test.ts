import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { type Holder, hasEnded, thisProcess } from '../../../shared/storage/process-start.js';

test('of a process of this machine it is known whether it has ended, of others it is not', (t) => {
  const mine = thisProcess();
  assert.equal(hasEnded(mine), false);
  if (mine.place === 'unknown') return t.skip('this system does not tell when processes began');
  const module = new URL('../../../shared/storage/process-start.js', import.meta.url);
  const program = `import { thisProcess } from ${JSON.stringify(module.href)}; console.log(JSON.stringify(thisProcess()));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  const dead = JSON.parse(child.stdout) as Holder;
  assert.equal(dead.place, mine.place);
  assert.equal(hasEnded(dead), true);
  // its pid was given out again
  assert.equal(hasEnded({ ...dead, pid: mine.pid }), true);
  // another container, or host
  assert.equal(hasEnded({ ...dead, place: `${dead.place}x` }), false);
  assert.equal(hasEnded({ ...dead, place: 'unknown' }), false);
  assert.equal(hasEnded({ ...dead, started: 'unknown' }), false);
});
