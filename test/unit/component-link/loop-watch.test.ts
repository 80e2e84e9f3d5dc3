import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopWatch } from '../../../core-server/component-link/loop-watch.js';
import { recordingLogger } from '../../tools/silent-logger.js';

test('two components that send each other very much are named once; one that only sends is not', () => {
  const log = recordingLogger();
  const watch = new LoopWatch(log);
  const much = (from: string, to: string) => {
    for (let k = 0; k < 10_000; k++) watch.passed(from, to);
  };
  much('a.test', 'b.test');
  watch.look(0);
  assert.deepEqual(log.lines, [], 'one direction');
  for (const now of [10_000, 20_000]) {
    much('b.test', 'a.test');
    much('a.test', 'b.test');
    watch.look(now);
  }
  assert.deepEqual(
    log.lines.map(({ code, one, other, perSecond }) => ({ code, one, other, perSecond })),
    [{ code: 'component.loop', one: 'a.test', other: 'b.test', perSecond: 1000 }],
  );
  watch.look(30_000);
  assert.equal(log.lines.length, 1);
});
