import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COUNTER_MODULUS,
  newlyAcknowledged,
  readCount,
  wireCount,
} from '../../../core-server/sessions/stream-management/counters.js';

test('XEP-0198 §4: counters wrap at 2^32', () => {
  assert.equal(wireCount(COUNTER_MODULUS), 0);
  assert.equal(wireCount(COUNTER_MODULUS + 5), 5);
  assert.equal(newlyAcknowledged(2, COUNTER_MODULUS + 3, COUNTER_MODULUS - 1), 3);
});

test('XEP-0198 §4: an h is acknowledged once, and never beyond what was sent', () => {
  assert.equal(newlyAcknowledged(5, 5, 0), 5);
  assert.equal(newlyAcknowledged(5, 5, 5), 0);
  assert.equal(newlyAcknowledged(6, 5, 0), null);
  // backwards is as impossible as too far
  assert.equal(newlyAcknowledged(3, 5, 4), null);
});

test('an h is an unsigned 32-bit number', () => {
  for (const bad of [undefined, '', '-1', '1.5', 'x', '4294967296', ' 1'])
    assert.equal(readCount(bad), null, bad);
  assert.equal(readCount('4294967295'), 4_294_967_295);
});
