import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, LOST, REFUSED } from '../../../shared/component/backoff.js';

const delays = (backoff: Backoff, policy: typeof LOST, count: number): number[] =>
  Array.from({ length: count }, () => backoff.next(policy));

test('delays double up to the most, half of each being chance', () => {
  assert.deepEqual(
    delays(new Backoff(() => 1), LOST, 9),
    [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000],
  );
  assert.deepEqual(delays(new Backoff(() => 0), LOST, 4), [250, 500, 1000, 2000]);
});

test('a refusal begins its own, slower series, and what was before is forgotten', () => {
  const backoff = new Backoff(() => 1);
  delays(backoff, LOST, 5);
  assert.deepEqual(delays(backoff, REFUSED, 7), [15000, 30000, 60000, 120000, 240000, 300000, 300000]);
  assert.deepEqual(delays(backoff, LOST, 2), [500, 1000]);
});

test('after a success it begins anew', () => {
  const backoff = new Backoff(() => 1);
  delays(backoff, LOST, 8);
  backoff.reset();
  assert.equal(backoff.next(LOST), 500);
});

test('a thousand failures do not overflow', () => {
  const backoff = new Backoff(() => 1);
  assert.equal(delays(backoff, LOST, 1000).at(-1), 30000);
});
