import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistrationRates } from '../../../core-server/rates/registration-rates.js';

test('registrations of one network are limited; of very many networks the first are forgotten', () => {
  const rates = new RegistrationRates(1);
  assert.equal(rates.allow('192.0.2.1'), true);
  assert.equal(rates.allow('192.0.2.1'), false);
  for (let k = 0; k < 100_000; k++) rates.allow(`10.${k >> 16}.${(k >> 8) & 255}.${k & 255}`);
  assert.equal(rates.allow('192.0.2.1'), true);
  assert.equal(rates.allow('10.1.134.159'), false, 'the last of them');
});

test('the machine itself is not limited, and nobody is without a limit', () => {
  for (const [limit, address] of [
    [1, '127.0.0.1'],
    [0, '192.0.2.1'],
  ] as const) {
    const rates = new RegistrationRates(limit);
    for (let k = 0; k < 3; k++) assert.equal(rates.allow(address), true, address);
  }
});
