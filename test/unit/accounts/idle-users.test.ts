import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdle } from '../../../core-server/administration/users.js';
import type { AccountState } from '../../../core-server/sessions/account-state.js';

const account = (...lastActive: number[]): AccountState =>
  ({ sessions: lastActive.map((time) => ({ lastActive: time })) }) as unknown as AccountState;

test('a user is idle when none of his clients has sent anything for ten minutes', () => {
  const minute = 60_000;
  assert.equal(isIdle(account(0), 10 * minute), true);
  assert.equal(isIdle(account(0), 10 * minute - 1), false);
  assert.equal(isIdle(account(0, 5 * minute), 14 * minute), false);
  assert.equal(isIdle(account(0, 4 * minute), 14 * minute), true);
});
