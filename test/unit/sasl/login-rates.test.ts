import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressRules } from '../../../core-server/rates/address-rules.js';
import { LoginRates } from '../../../core-server/rates/login-rates.js';
import { createMetrics } from '../../../shared/observability/metrics.js';
import { recordingLogger } from '../../tools/silent-logger.js';

test('log-ins to what is no address are not counted by it: such a name may be as long as a stanza, and would be kept', () => {
  const log = recordingLogger();
  const rates = new LoginRates({
    perAddress: 0,
    perAccount: 1,
    rules: new AddressRules({ BANNED_ADDRESSES: [], LIMIT_EXEMPT_ADDRESSES: [] }),
    metrics: createMetrics({ process: 'test' }),
    log,
  });
  rates.failed('192.0.2.1', `${'x'.repeat(48_000)}@example`);
  rates.failed('192.0.2.1', 'hag@example');
  assert.deepEqual(
    log.lines.map((line) => line['account']),
    ['hag@example'],
  );
});
