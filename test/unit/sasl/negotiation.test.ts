import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Accounts } from '../../../core-server/accounts/accounts.js';
import { decodeBase64Strict } from '../../../core-server/sasl/base64.js';
import type { ChannelBindingSource } from '../../../core-server/sasl/channel-binding.js';
import type { SaslMechanism } from '../../../core-server/sasl/mechanism.js';
import {
  SaslNegotiation,
  type SaslNegotiationContext,
  type SaslReply,
} from '../../../core-server/sasl/negotiation.js';
import { bare, ScramClient, testAccounts, testContext } from '../../tools/sasl.js';

const juliet = bare('juliet@example.com');
const binding: ChannelBindingSource = {
  types: ['tls-exporter', 'tls-server-end-point'],
  data: () => Buffer.from('data'),
};
const base64 = (text: string) => Buffer.from(text).toString('base64');
const GOOD_PLAIN = base64('\0juliet\0r0m30');
let accounts: Accounts;

before(async () => {
  accounts = await testAccounts();
  await accounts.create(juliet, 'r0m30');
});

const negotiate = (changes: Partial<SaslNegotiationContext> = {}) =>
  new SaslNegotiation(testContext(accounts, changes));

function assertFailure(reply: SaslReply, condition: string): void {
  assert.equal(reply.kind, 'failure');
  assert.equal(reply.failure.condition, condition);
}

test('strict base64 (RFC 4648 §4, RFC 6120 §13.9.1)', () => {
  const good: readonly [string, string][] = [
    ['', ''],
    ['Zg==', 'f'],
    ['Zm8=', 'fo'],
    ['Zm9v', 'foo'],
    ['Zm9vYg==', 'foob'],
    ['+/+/', '\xfb\xff\xbf'],
  ];
  for (const [text, octets] of good) assert.equal(decodeBase64Strict(text)?.toString('latin1'), octets);
  const bad = [
    '=',
    '==',
    '====',
    '=AAA',
    'BBBB=CCC',
    'Zg=',
    'Zg',
    'Zg===',
    'Z===',
    'Zm9',
    'Zh==',
    'Zm9=',
    'Zm9v\n',
    ' Zm9v',
    'Zm 9v',
    'Zm9v====',
    'Zg==Zg==',
    'Zm-_',
    'Zm9!',
    'Zm9ä',
  ];
  for (const text of bad) assert.equal(decodeBase64Strict(text), null, text);
});

test('what is offered, strongest first, follows the stream', () => {
  const off = { plain: true, plainWithoutTls: false, digestMd5: false, external: 'off' } as const;
  assert.deepEqual(negotiate({ policy: off }).offer, {
    mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'],
    channelBindings: [],
  });
  assert.deepEqual(negotiate({ policy: off, channelBinding: binding }).offer, {
    mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'],
    channelBindings: ['tls-exporter', 'tls-server-end-point'],
  });
  assert.deepEqual(negotiate({ policy: off, secure: false }).offer.mechanisms, [
    'SCRAM-SHA-256',
    'SCRAM-SHA-1',
  ]);
  assert.deepEqual(negotiate({ policy: { ...off, plainWithoutTls: true }, secure: false }).offer.mechanisms, [
    'SCRAM-SHA-256',
    'SCRAM-SHA-1',
    'PLAIN',
  ]);
  assert.deepEqual(negotiate({ policy: { ...off, digestMd5: true } }).offer.mechanisms, [
    'SCRAM-SHA-256',
    'SCRAM-SHA-1',
    'DIGEST-MD5',
    'PLAIN',
  ]);
  assert.deepEqual(negotiate({ channelBinding: { types: [], data: () => null } }).offer.channelBindings, []);
});

test('only the verifiers that are kept are offered', async () => {
  const old = await testAccounts({ kept: { scram: ['SHA-1'], digestMd5: false, plain: false } });
  assert.deepEqual(new SaslNegotiation(testContext(old)).offer.mechanisms, ['SCRAM-SHA-1', 'PLAIN']);
});

test('an initial response, none, and an empty one', async () => {
  const client = new ScramClient({ username: 'juliet', password: 'r0m30' });
  const without = negotiate();
  assert.deepEqual(await without.begin('SCRAM-SHA-256', undefined), { kind: 'challenge', data: '' });
  assert.equal(without.inProgress, true);
  const challenge = await without.respond(base64(client.first()));
  assert.equal(challenge.kind, 'challenge');
  const final = client.final(Buffer.from(challenge.data, 'base64').toString());
  const success = await without.respond(base64(final));
  assert.equal(success.kind, 'success');
  assert.equal(success.success.account, juliet);
  assert.equal(success.data, base64(client.expectedServerFinal));
  assert.equal(without.inProgress, false);

  assertFailure(await negotiate().begin('SCRAM-SHA-256', '='), 'malformed-request');
  assertFailure(await negotiate().begin('PLAIN', '='), 'malformed-request');
  const plain = await negotiate().begin('PLAIN', GOOD_PLAIN);
  assert.equal(plain.kind, 'success');
  assert.equal(plain.data, undefined, 'PLAIN has no additional data');
});

test('additional data of no octets is an equals sign (RFC 6120 §6.4.6)', async () => {
  const mechanism: SaslMechanism = {
    name: 'X-EMPTY',
    clientFirst: true,
    refusal: () => null,
    begin: () => ({ respond: () => ({ kind: 'success', account: juliet, data: Buffer.alloc(0) }) }),
  };
  const reply = await new SaslNegotiation(testContext(accounts), [mechanism]).begin('X-EMPTY', '=');
  assert.equal(reply.kind, 'success');
  assert.equal(reply.data, '=');
});

test('each failure condition of RFC 6120 §6.5', async () => {
  assertFailure(await negotiate().begin(undefined, undefined), 'invalid-mechanism');
  assertFailure(await negotiate().begin('CRAM-MD5', undefined), 'invalid-mechanism');
  assertFailure(await negotiate().begin('plain', GOOD_PLAIN), 'invalid-mechanism');
  assertFailure(await negotiate().begin('SCRAM-SHA-256-PLUS', undefined), 'invalid-mechanism');
  assertFailure(await negotiate().begin('EXTERNAL', '='), 'invalid-mechanism');
  assertFailure(await negotiate({ secure: false }).begin('PLAIN', GOOD_PLAIN), 'encryption-required');
  const weak = { plain: false, plainWithoutTls: false, digestMd5: false, external: 'off' } as const;
  assertFailure(await negotiate({ policy: weak }).begin('PLAIN', GOOD_PLAIN), 'mechanism-too-weak');
  assertFailure(await negotiate({ policy: weak }).begin('DIGEST-MD5', undefined), 'mechanism-too-weak');
  assertFailure(await negotiate().begin('PLAIN', 'AA=A'), 'incorrect-encoding');
  assertFailure(await negotiate().begin('PLAIN', ` ${GOOD_PLAIN}`), 'incorrect-encoding');
  assertFailure(await negotiate().begin('PLAIN', base64('juliet')), 'malformed-request');
  assertFailure(await negotiate().begin('PLAIN', base64('\0juliet\0wrong')), 'not-authorized');
  assertFailure(
    await negotiate().begin('PLAIN', base64('nurse@example.com\0juliet\0r0m30')),
    'invalid-authzid',
  );
  assertFailure(await negotiate().respond('AAAA'), 'malformed-request');
  assertFailure(negotiate().abort(), 'aborted');

  const busy = negotiate();
  await busy.begin('PLAIN', undefined);
  assertFailure(await busy.respond('!'), 'incorrect-encoding');
  assert.equal(busy.inProgress, false);
  // §6.4.2: another one replaces the one that goes on, which was a try as well
  await busy.begin('SCRAM-SHA-1', undefined);
  assert.equal((await busy.begin('PLAIN', undefined)).kind, 'challenge');
  assert.equal(busy.failures, 2);
  assertFailure(busy.abort(), 'aborted');
  assert.equal(busy.failures, 3);
  assert.equal((await busy.begin('PLAIN', GOOD_PLAIN)).kind, 'success');
});

test('an exchange that throws is a temporary failure, and is logged without its data', async () => {
  const { recordingLogger } = await import('../../tools/silent-logger.js');
  const log = recordingLogger();
  const mechanism: SaslMechanism = {
    name: 'X-BROKEN',
    clientFirst: true,
    refusal: () => null,
    begin: () => ({
      respond: () => {
        throw new Error('broken');
      },
    }),
  };
  const negotiation = new SaslNegotiation({ ...testContext(accounts), log }, [mechanism]);
  assertFailure(await negotiation.begin('X-BROKEN', GOOD_PLAIN), 'temporary-auth-failure');
  assert.deepEqual(
    log.lines.map(({ code }) => code),
    ['sasl.broken'],
  );
  assert.ok(!JSON.stringify(log.lines).includes(GOOD_PLAIN));
});
