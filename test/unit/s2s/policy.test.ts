import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FederationPolicy, parseExceptions } from '../../../core-server/s2s/policy.js';

test('S2S_POLICY_EXCEPTIONS: by domain, and below one', () => {
  const exceptions = parseExceptions([
    'Bank.example=strict',
    '*.spam.example=refuse',
    'old.spam.example=dialback',
  ]);
  const policy = new FederationPolicy('dialback', exceptions, true);
  assert.equal(policy.ruleFor('bank.example'), 'strict');
  assert.equal(policy.ruleFor('chat.bank.example'), 'dialback');
  assert.equal(policy.ruleFor('a.b.spam.example'), 'refuse');
  assert.equal(policy.ruleFor('spam.example'), 'dialback');
  assert.equal(policy.ruleFor('old.spam.example'), 'dialback');
  for (const bad of ['x', 'x.example=maybe', '=strict'])
    assert.throws(() => parseExceptions([bad]), TypeError);
});
