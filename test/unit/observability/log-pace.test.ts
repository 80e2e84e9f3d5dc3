import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { LogPace } from '../../../shared/observability/log-pace.js';

test('a code that comes too often is left out for the rest of the second, which is told; log-ins never are', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let now = 0;
    const told: [string, number][] = [];
    const pace = new LogPace(
      (what, count) => told.push([what, count]),
      () => now,
    );
    let written = 0;
    for (let k = 0; k < 1000; k++) if (pace.allows('s2s.dialback-refused')) written++;
    assert.equal(written, 100);
    assert.equal(pace.allows('s2s.connected'), true, 'others are written');
    now = 1000;
    assert.equal(pace.allows('s2s.dialback-refused'), true, 'a new second');
    mock.timers.tick(1000);
    assert.deepEqual(told, [['s2s.dialback-refused', 900]]);
    for (let k = 0; k < 1000; k++) assert.equal(pace.allows('c2s.login-failed'), true);
  } finally {
    mock.timers.reset();
  }
});
