import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Accounts } from '../../../core-server/accounts/accounts.js';
import { createPasswordHasher } from '../../../core-server/accounts/password-hasher.js';
import type { SaslContext, SaslStep } from '../../../core-server/sasl/mechanism.js';
import { plain } from '../../../core-server/sasl/plain.js';
import { bare, testAccounts, testContext } from '../../tools/sasl.js';

let accounts: Accounts;

before(async () => {
  accounts = await testAccounts();
  await accounts.create(bare('juliet@example.com'), 'r0m30');
  await accounts.create(bare('disabled@example.com'), 'r0m30');
  await accounts.disable(bare('disabled@example.com'));
  await accounts.create(bare('expired@example.com'), 'r0m30');
  await accounts.expirePassword(bare('expired@example.com'));
  await accounts.create(bare('long@example.com'), 'p'.repeat(255));
  await accounts.create(bare('nbsp@example.com'), 'a b');
});

const contextOf = (used: Accounts): SaslContext => ({
  ...testContext(used),
  offered: { mechanisms: [], channelBindings: [] },
});

function send(message: string | Buffer, used = accounts): Promise<SaslStep> | SaslStep {
  return plain.begin(contextOf(used)).respond(Buffer.from(message as string));
}

const TABLE: readonly [string, string][] = [
  ['\0juliet\0r0m30', 'juliet@example.com'],
  ['juliet@example.com\0juliet\0r0m30', 'juliet@example.com'],
  ['\0JULIET\0r0m30', 'juliet@example.com'],
  ['\0long\0'.concat('p'.repeat(255)), 'long@example.com'],
  ['\0nbsp\0a\u00a0b', 'nbsp@example.com'],
  ['\0juliet\0wrong', 'not-authorized'],
  ['\0nobody\0r0m30', 'not-authorized'],
  ['\0no body\0r0m30', 'not-authorized'],
  ['\0juliet@example.com\0r0m30', 'not-authorized'],
  ['\0juliet\0bell\u0007', 'not-authorized'],
  ['\0bell\u0007\0r0m30', 'not-authorized'],
  [`\0${'u'.repeat(255)}\0${'p'.repeat(255)}`, 'not-authorized'],
  ['\0disabled\0r0m30', 'account-disabled'],
  ['\0disabled\0wrong', 'not-authorized'],
  ['\0expired\0r0m30', 'credentials-expired'],
  ['nurse@example.com\0juliet\0r0m30', 'invalid-authzid'],
  ['nurse@example.com\0juliet\0wrong', 'not-authorized'],
  ['juliet@example.com/balcony\0juliet\0r0m30', 'invalid-authzid'],
  ['example.com\0juliet\0r0m30', 'invalid-authzid'],
  ['@@\0juliet\0r0m30', 'invalid-authzid'],
  ['', 'malformed-request'],
  ['juliet', 'malformed-request'],
  ['\0juliet', 'malformed-request'],
  ['\0juliet\0', 'malformed-request'],
  ['\0\0r0m30', 'malformed-request'],
  ['\0juliet\0r0m30\0', 'malformed-request'],
  ['\0juliet\0r0\0m30', 'malformed-request'],
];

test('messages of PLAIN (RFC 4616 §2)', async () => {
  for (const [message, outcome] of TABLE) {
    const step = await send(message);
    const got = step.kind === 'success' ? step.account : step.kind === 'failure' ? step.condition : '';
    assert.equal(got, outcome, JSON.stringify(message));
  }
  const notUtf8 = await send(Buffer.from('\0juliet\0r\xfcm30', 'latin1'));
  assert.equal(notUtf8.kind === 'failure' && notUtf8.condition, 'malformed-request');
});

test('more log-ins than the hasher takes are put off', async () => {
  const busy = await testAccounts({ hasher: createPasswordHasher({ concurrency: 1, queue: 1 }) });
  const steps = await Promise.all(['1', '2', '3', '4'].map((name) => send(`\0${name}\0x`, busy)));
  assert.deepEqual(
    steps.map((step) => step.kind === 'failure' && step.condition),
    ['not-authorized', 'not-authorized', 'temporary-auth-failure', 'temporary-auth-failure'],
  );
});

test('nothing that was sent is told or logged but the name', async () => {
  const step = await send('\0juliet\0hunter2');
  assert.deepEqual(step, { kind: 'failure', condition: 'not-authorized', claimed: 'juliet@example.com' });
});
