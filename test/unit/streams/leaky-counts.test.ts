import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeakyCounts } from '../../../core-server/rates/leaky-counts.js';

test('so many in a time; they drain evenly; each key by itself', () => {
  const counts = new LeakyCounts(4, 1000);
  for (let i = 0; i < 3; i++) assert.equal(counts.add('a', 0), false);
  assert.equal(counts.isFull('a', 0), false);
  assert.equal(counts.add('a', 0), true, 'that was the last one');
  assert.ok(counts.isFull('a', 0) && !counts.isFull('b', 0));
  assert.equal(counts.isFull('a', 249), true);
  assert.equal(counts.isFull('a', 251), false, 'a quarter of the time makes room for one');
  assert.equal(counts.add('a', 251), true);
  assert.equal(counts.isFull('a', 5000), false);
  for (let i = 0; i < 50; i++) counts.add('c', 6000);
  assert.equal(counts.isFull('c', 6251), false, 'more than the limit is not remembered');
});

test('0 counts nothing', () => {
  const counts = new LeakyCounts(0, 1000);
  for (let i = 0; i < 10; i++) assert.equal(counts.add('a', 0), false);
  assert.ok(!counts.isFull('a', 0) && counts.size === 0);
});

test('it does not grow without end', () => {
  const counts = new LeakyCounts(2, 1000);
  for (let i = 0; i < 100_500; i++) counts.add(`k${i}`, i);
  assert.ok(counts.size <= 100_000);
  assert.equal(counts.isFull('k0', 100_500), false);
});
