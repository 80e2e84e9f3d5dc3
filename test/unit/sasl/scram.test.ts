import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Accounts } from '../../../core-server/accounts/accounts.js';
import type { PasswordChecks } from '../../../core-server/accounts/password-checks.js';
import type { ScramHash } from '../../../core-server/accounts/password-hasher.js';
import type { ChannelBindingSource } from '../../../core-server/sasl/channel-binding.js';
import { downgradeHash } from '../../../core-server/sasl/downgrade-protection.js';
import type { SaslContext, SaslFailure, SaslStep } from '../../../core-server/sasl/mechanism.js';
import { SaslNegotiation, type SaslReply } from '../../../core-server/sasl/negotiation.js';
import { scram } from '../../../core-server/sasl/scram.js';
import { bare, ScramClient, type ScramClientOptions, testAccounts, testContext } from '../../tools/sasl.js';

const juliet = bare('juliet@example.com');
const BINDING = Buffer.from('the data of this channel');
const binding: ChannelBindingSource = {
  types: ['tls-exporter'],
  data: (type) => (type === 'tls-exporter' ? BINDING : null),
};
let accounts: Accounts;

before(async () => {
  accounts = await testAccounts();
  await accounts.create(juliet, 'r0m30');
  await accounts.create(bare('disabled@example.com'), 'r0m30');
  await accounts.disable(bare('disabled@example.com'));
  await accounts.create(bare('expired@example.com'), 'r0m30');
  await accounts.expirePassword(bare('expired@example.com'));
  await accounts.create(bare('a=b@example.com'), 'r0m30');
  await accounts.create(bare('romeo@example.com'), 'x');
  await accounts.remove(bare('romeo@example.com'), ['pep']);
});

function context(changes: Partial<SaslContext> = {}): SaslContext {
  return { ...testContext(accounts), offered: { mechanisms: [], channelBindings: [] }, ...changes };
}

/** One whole exchange without the layer of base64. */
async function exchange(
  options: ScramClientOptions,
  {
    plus = false,
    changes = {},
    final = (text: string) => text,
  }: { plus?: boolean; changes?: Partial<SaslContext>; final?: (text: string) => string } = {},
): Promise<{ step: SaslStep; client: ScramClient }> {
  const client = new ScramClient(options);
  const running = scram(options.hash ?? 'SHA-256', plus).begin(
    context({ ...(plus ? { channelBinding: binding } : {}), ...changes }),
  );
  const challenge = await running.respond(Buffer.from(client.first()));
  if (challenge.kind !== 'challenge') return { step: challenge, client };
  return { step: await running.respond(Buffer.from(final(client.final(challenge.data.toString())))), client };
}

function assertFailure(step: SaslStep, condition: SaslFailure['condition'], text?: string): void {
  assert.equal(step.kind, 'failure');
  assert.equal(step.condition, condition);
  assert.equal(step.text, text);
}

for (const hash of ['SHA-1', 'SHA-256'] as const) {
  test(`SCRAM-${hash} proves both sides`, async () => {
    const { step, client } = await exchange({ hash, username: 'juliet', password: 'r0m30' });
    assert.equal(step.kind, 'success');
    assert.equal(step.account, juliet);
    assert.equal(step.data?.toString(), client.expectedServerFinal);
  });
}

const VECTORS: readonly {
  hash: ScramHash;
  salt: string;
  client: string;
  server: string;
  proof: string;
  v: string;
}[] = [
  {
    hash: 'SHA-1', // RFC 5802 §5
    salt: 'QSXCR+Q6sek8bf92',
    client: 'fyko+d2lbbFgONRv9qkxdawL',
    server: '3rfcNHYJY1ZVvWVs7j',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    v: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    hash: 'SHA-256', // RFC 7677 §3
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    client: 'rOprNGfwEbeRWgbNEkqO',
    server: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    v: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
];

/** The accounts, whose passwords are checked in another way. */
function checking(change: Partial<PasswordChecks>): Accounts {
  return Object.assign(Object.create(accounts), {
    passwords: Object.assign(Object.create(accounts.passwords), change),
  });
}

for (const { hash, salt, client, server, proof, v } of VECTORS) {
  test(`the published exchange of SCRAM-${hash}`, async () => {
    const { verifierOf } = await import('../../../core-server/accounts/credentials.js');
    const { createPasswordHasher } = await import('../../../core-server/accounts/password-hasher.js');
    const salted = await createPasswordHasher().hash('pencil', Buffer.from(salt, 'base64'), 4096, hash);
    const verifier = verifierOf(hash, salted, Buffer.from(salt, 'base64'), 4096);
    const withUser = checking({ scram: () => ({ verifier, standing: 'active' }) });
    const running = scram(hash, false, { serverNonce: () => server }).begin(context({ accounts: withUser }));
    const challenge = await running.respond(Buffer.from(`n,,n=user,r=${client}`));
    assert.equal(challenge.kind, 'challenge');
    assert.equal(challenge.data.toString(), `r=${client}${server},s=${salt},i=4096`);
    const step = await running.respond(Buffer.from(`c=biws,r=${client}${server},p=${proof}`));
    assert.equal(step.kind, 'success');
    assert.equal(step.account, bare('user@example.com'));
    assert.equal(step.data?.toString(), `v=${v}`);
  });
}

test('a wrong password, an unknown user, an impossible and a removed one are told the same', async () => {
  const replies = [];
  for (const [username, password] of [
    ['juliet', 'wrong'],
    ['nobody', 'wrong'],
    ['romeo', 'x'],
    ['no body', 'wrong'],
    ['juliet@example.com', 'r0m30'],
    ['juliet/balcony', 'r0m30'],
    ['\u0007', 'wrong'],
    ['disabled', 'wrong'],
    ['expired', 'wrong'],
  ] as const) {
    const { step } = await exchange({ username, password });
    assert.equal(step.kind, 'failure');
    const { claimed, ...told } = step;
    assert.equal(claimed, `${username}@example.com`);
    replies.push(told);
  }
  assert.equal(new Set(replies.map((each) => JSON.stringify(each))).size, 1);
  assert.deepEqual(replies[0], { kind: 'failure', condition: 'not-authorized', text: 'invalid-proof' });
});

test('the challenge of an unknown user looks like that of a known one, each time the same', async () => {
  const challengeOf = async (username: string) => {
    const step = await scram('SHA-256', false)
      .begin(context())
      .respond(Buffer.from(new ScramClient({ username, password: '' }).first()));
    assert.equal(step.kind, 'challenge');
    return step.data.toString().replace(/^r=[^,]*/, '');
  };
  for (const name of ['nobody', 'no body', 'romeo']) {
    assert.equal(await challengeOf(name), await challengeOf(name));
    assert.equal((await challengeOf(name)).length, (await challengeOf('juliet')).length);
  }
});

test('the nonce begins with the client’s and differs each time', async () => {
  const nonces = new Set<string>();
  for (let count = 0; count < 5; count += 1) {
    const client = new ScramClient({ username: 'juliet', password: 'r0m30', nonce: 'abc' });
    const step = await scram('SHA-1', false).begin(context()).respond(Buffer.from(client.first()));
    assert.equal(step.kind, 'challenge');
    const nonce = /^r=(abc[!-+\x2d-~]{18,}),s=/.exec(step.data.toString())?.[1];
    assert.ok(nonce);
    nonces.add(nonce);
  }
  assert.equal(nonces.size, 5);
});

test('who proves the password of an account that may not log in learns why', async () => {
  const disabled = await exchange({ username: 'disabled', password: 'r0m30' });
  assertFailure(disabled.step, 'account-disabled');
  const expired = await exchange({ username: 'expired', password: 'r0m30' });
  assertFailure(expired.step, 'credentials-expired');
});

test('user names: escaped, prepared, and used as received in the proof', async () => {
  const escaped = await exchange({ username: 'a=b', password: 'r0m30' });
  assert.equal(escaped.step.kind, 'success');
  const mapped = await exchange({ username: 'JU\u00adLIET', password: 'r0m30' });
  assert.equal(mapped.step.kind, 'success');
  assert.equal(mapped.step.account, juliet);
});

const FIRST_MESSAGES: readonly [string, SaslFailure['condition'], string | undefined][] = [
  ['', 'malformed-request', 'other-error'],
  ['x,,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['n,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['N,,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['p=,,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['p=bad_name,,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['n,a=,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['F,n,,n=juliet,r=abc', 'malformed-request', 'other-error'],
  ['n,,r=abc,n=juliet', 'malformed-request', 'other-error'],
  ['n,,n=juliet', 'malformed-request', 'other-error'],
  ['n,,n=,r=abc', 'malformed-request', 'invalid-username-encoding'],
  ['n,,n=jul=iet,r=abc', 'malformed-request', 'invalid-username-encoding'],
  ['n,,n=juliet=2c,r=abc', 'malformed-request', 'invalid-username-encoding'],
  ['n,a=juliet=,n=juliet,r=abc', 'malformed-request', 'invalid-username-encoding'],
  ['n,,n=juliet,r=', 'malformed-request', 'other-error'],
  ['n,,n=juliet,r=a b', 'malformed-request', 'other-error'],
  ['n,,n=juliet,r=ä', 'malformed-request', 'other-error'],
  ['n,,n=juliet,r=abc,', 'malformed-request', 'other-error'],
  ['n,,n=juliet,r=abc,xyz', 'malformed-request', 'other-error'],
  ['n,,m=ext,n=juliet,r=abc', 'malformed-request', 'extensions-not-supported'],
  ['n,,n=juliet,r=abc,m=ext', 'malformed-request', 'extensions-not-supported'],
  ['p=tls-exporter,,n=juliet,r=abc', 'malformed-request', 'channel-binding-not-supported'],
  ['n,a=not an address,n=juliet,r=abc', 'invalid-authzid', undefined],
  ['n,a=juliet@example.com/balcony,n=juliet,r=abc', 'invalid-authzid', undefined],
  ['n,a=example.com,n=juliet,r=abc', 'invalid-authzid', undefined],
];

test('client-first-messages that must fail', async () => {
  for (const [message, condition, text] of FIRST_MESSAGES) {
    const step = await scram('SHA-256', false).begin(context()).respond(Buffer.from(message));
    assert.equal(step.kind, 'failure', message);
    assert.equal(step.condition, condition, message);
    assert.equal(step.text, text, message);
  }
  const notUtf8 = await scram('SHA-256', false)
    .begin(context())
    .respond(Buffer.from('n,,n=j\xfcliet,r=abc', 'latin1'));
  assertFailure(notUtf8, 'malformed-request', 'invalid-encoding');
});

const FINAL_MESSAGES: readonly [string, (text: string) => string, SaslFailure['condition'], string][] = [
  ['nothing', () => '', 'malformed-request', 'other-error'],
  ['no proof', (text) => text.replace(/,p=.*/, ''), 'malformed-request', 'other-error'],
  ['an empty attribute', (text) => text.replace(',p=', ',,p='), 'malformed-request', 'other-error'],
  ['a proof that is no base64', (text) => `${text}!`, 'malformed-request', 'invalid-encoding'],
  ['a short proof', (text) => text.replace(/p=.*/, 'p=AAAA'), 'malformed-request', 'invalid-encoding'],
  [
    'c= that is no base64',
    (text) => text.replace('c=biws', 'c=biw*'),
    'malformed-request',
    'invalid-encoding',
  ],
  [
    'another order',
    (text) => text.replace(/^(c=[^,]*),(r=[^,]*)/, '$2,$1'),
    'malformed-request',
    'other-error',
  ],
  [
    'a mandatory extension',
    (text) => text.replace(',p=', ',m=x,p='),
    'malformed-request',
    'extensions-not-supported',
  ],
  ['another nonce', (text) => text.replace(/r=[^,]*/, 'r=abcdef'), 'not-authorized', 'other-error'],
  ['only the client’s nonce', (text) => text.replace(/r=[^,]*/, 'r=abc'), 'not-authorized', 'other-error'],
  [
    'another flag in c=',
    (text) => text.replace('c=biws', 'c=eSws'),
    'not-authorized',
    'channel-bindings-dont-match',
  ],
  ['an empty c=', (text) => text.replace('c=biws', 'c='), 'not-authorized', 'channel-bindings-dont-match'],
  [
    'an extension outside of the proof',
    (text) => text.replace(',p=', ',x=y,p='),
    'not-authorized',
    'invalid-proof',
  ],
];

test('client-final-messages that must fail', async () => {
  for (const [name, final, condition, text] of FINAL_MESSAGES) {
    const { step } = await exchange({ username: 'juliet', password: 'r0m30', nonce: 'abc' }, { final });
    assert.equal(step.kind, 'failure', name);
    assert.equal(step.condition, condition, name);
    assert.equal(step.text, text, name);
  }
});

test('unknown optional extensions are ignored (RFC 5802 §5.1)', async () => {
  const step = await scram('SHA-256', false)
    .begin(context())
    .respond(Buffer.from('n,,n=juliet,r=abc,x=whatever,y=a=b'));
  assert.equal(step.kind, 'challenge');
});

test('authorization identities: the own address, and no other', async () => {
  const own = await exchange({ username: 'juliet', password: 'r0m30', gs2: 'n,a=Juliet@EXAMPLE.com,' });
  assert.equal(own.step.kind, 'success');
  assert.equal(own.step.authorizationId?.full, 'juliet@example.com');
  const other = await exchange({ username: 'juliet', password: 'r0m30', gs2: 'n,a=nurse@example.com,' });
  assertFailure(other.step, 'invalid-authzid');
  const stranger = await exchange({ username: 'juliet', password: 'wrong', gs2: 'n,a=nurse@example.com,' });
  assertFailure(stranger.step, 'not-authorized', 'invalid-proof');
});

test('PLUS: bound to this channel', async () => {
  const gs2 = 'p=tls-exporter,,';
  const options = { username: 'juliet', password: 'r0m30', gs2 };
  const good = await exchange({ ...options, binding: BINDING }, { plus: true });
  assert.equal(good.step.kind, 'success');
  const other = await exchange({ ...options, binding: Buffer.from('another channel') }, { plus: true });
  assertFailure(other.step, 'not-authorized', 'channel-bindings-dont-match');
  const none = await exchange(options, { plus: true });
  assertFailure(none.step, 'not-authorized', 'channel-bindings-dont-match');
  const unsupported = await exchange({ ...options, gs2: 'p=tls-unique,,', binding: BINDING }, { plus: true });
  assertFailure(unsupported.step, 'not-authorized', 'unsupported-channel-binding-type');
  for (const flag of ['n,,', 'y,,']) {
    const { step } = await exchange({ ...options, gs2: flag }, { plus: true });
    assertFailure(step, 'malformed-request', 'a PLUS mechanism needs channel binding');
  }
});

test('the flag y is a downgrade where PLUS was offered, and accepted where it was not', async () => {
  const options = { username: 'juliet', password: 'r0m30', gs2: 'y,,' };
  const offered = { mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256'], channelBindings: ['tls-exporter'] };
  const downgraded = await exchange(options, { changes: { channelBinding: binding, offered } });
  assertFailure(downgraded.step, 'not-authorized', 'server-does-support-channel-binding');
  const link = await exchange(options); // the client link: TLS ends at the component
  assert.equal(link.step.kind, 'success');
  const n = await exchange({ ...options, gs2: 'n,,' }, { changes: { channelBinding: binding, offered } });
  assert.equal(n.step.kind, 'success');
});

test('the downgrade hash of XEP-0474: the published example', () => {
  const hash = downgradeHash('SHA-1', {
    mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'],
    channelBindings: ['tls-server-end-point', 'tls-exporter'],
  });
  assert.equal(hash, 'G6k/rBLDqgOhRRaCuuatSDFkJ08=');
});

test('with downgrade protection the server-first-message has the hash, signed with the rest', async () => {
  const offered = { mechanisms: ['SCRAM-SHA-256'], channelBindings: [] };
  const protectedContext = { downgradeProtection: true, offered };
  const client = new ScramClient({ username: 'juliet', password: 'r0m30' });
  const running = scram('SHA-256', false).begin(context(protectedContext));
  const challenge = await running.respond(Buffer.from(client.first()));
  assert.equal(challenge.kind, 'challenge');
  const serverFirst = challenge.data.toString();
  assert.ok(serverFirst.endsWith(`,h=${downgradeHash('SHA-256', offered)}`));
  const tampered = client.final(serverFirst.replace(/,h=.*/, ',h=AAAA'));
  assertFailure(await running.respond(Buffer.from(tampered)), 'not-authorized', 'invalid-proof');
  const { step } = await exchange({ username: 'juliet', password: 'r0m30' }, { changes: protectedContext });
  assert.equal(step.kind, 'success');
});

test('a store that does not answer at once, or not at all', async () => {
  const slow = checking({ scram: async (...args) => accounts.passwords.scram(...args) });
  const { step } = await exchange({ username: 'juliet', password: 'r0m30' }, { changes: { accounts: slow } });
  assert.equal(step.kind, 'success');
  const broken = checking({ scram: () => Promise.reject(new Error('disk')) });
  const negotiation = new SaslNegotiation(testContext(broken));
  const first = Buffer.from('n,,n=juliet,r=abc').toString('base64');
  const reply: SaslReply = await negotiation.begin('SCRAM-SHA-256', first);
  assert.equal(reply.kind, 'failure');
  assert.equal(reply.failure.condition, 'temporary-auth-failure');
});
