import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../tools/ledger/random.js';
import { trendOf } from '../../tools/trend.js';

const noisy = (base: (i: number) => number): number[] => {
  const random = new Random(7);
  return Array.from({ length: 120 }, (_, i) => base(i) * (1 + 0.3 * random.next() ** 4));
};

test('a level with bursts has no trend', () => {
  const { growth, level } = trendOf(
    noisy(() => 100),
    12,
  );
  assert.ok(Math.abs(growth) < 0.01, `${growth}`);
  assert.ok(level >= 100 && level < 105);
});

test('a leak of a tenth shows, through bursts', () => {
  const { growth } = trendOf(
    noisy((i) => 100 + i / 12),
    12,
  );
  assert.ok(growth > 0.07 && growth < 0.13, `${growth}`);
});
