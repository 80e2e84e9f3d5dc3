import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import type { Accounts } from '../../../core-server/accounts/accounts.js';
import { digestMd5Mechanism } from '../../../core-server/sasl/digest-md5.js';
import { parseDigestResponse } from '../../../core-server/sasl/digest-md5-messages.js';
import type { SaslContext, SaslStep } from '../../../core-server/sasl/mechanism.js';
import { bare, domain, EVERYTHING_KEPT, testAccounts, testContext } from '../../tools/sasl.js';

const ELWOOD = 'elwood.innosoft.com';
let accounts: Accounts;
let elwood: Accounts;

before(async () => {
  accounts = await testAccounts();
  await accounts.create(bare('juliet@example.com'), 'r0m30');
  await accounts.create(bare('jürgen@example.com'), 'käse');
  await accounts.create(bare('анна@example.com'), 'пароль');
  await accounts.create(bare('disabled@example.com'), 'r0m30');
  await accounts.disable(bare('disabled@example.com'));
  await accounts.create(bare('expired@example.com'), 'r0m30');
  await accounts.expirePassword(bare('expired@example.com'));
  elwood = await testAccounts({ domains: [domain(ELWOOD)] });
  await elwood.create(bare(`chris@${ELWOOD}`), 'secret');
});

function context(changes: Partial<SaslContext> = {}): SaslContext {
  return { ...testContext(accounts), offered: { mechanisms: [], channelBindings: [] }, ...changes };
}

const md5 = (text: string) => createHash('md5').update(text, 'latin1').digest('hex');

/** A client after RFC 2831 §2.1.2.1, of which every directive can be changed; octets are written as ISO 8859-1. */
function respond(
  challenge: string,
  changes: Partial<Record<string, string | undefined>> & { password?: string; hashedUser?: string } = {},
): string {
  const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
  const { password = 'r0m30', hashedUser, ...directives } = changes;
  const d: Record<string, string | undefined> = {
    charset: 'utf-8',
    username: 'juliet',
    realm: 'example.com',
    nonce,
    nc: '00000001',
    cnonce: 'OA6MHXh6VqTrRk',
    'digest-uri': 'xmpp/example.com',
    qop: 'auth',
    ...directives,
  };
  const user = hashedUser ?? d['username'];
  const secret = createHash('md5').update(`${user}:${d['realm'] ?? ''}:${password}`, 'latin1');
  const authzid = d['authzid'] === undefined ? '' : `:${d['authzid']}`;
  const a1 = md5(`${secret.digest().toString('latin1')}:${d['nonce']}:${d['cnonce']}${authzid}`);
  const a2 = md5(`AUTHENTICATE:${d['digest-uri']}`);
  d['response'] ??= md5(`${a1}:${d['nonce']}:${d['nc']}:${d['cnonce']}:${d['qop'] ?? 'auth'}:${a2}`);
  const bareValues = new Set(['charset', 'nc', 'qop', 'response']);
  return Object.entries(d)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (bareValues.has(name) ? `${name}=${value}` : `${name}="${value}"`))
    .join(',');
}

const octets = (text: string) => Buffer.from(text).toString('latin1');

async function exchange(
  changes: Parameters<typeof respond>[1],
  alter: (response: string) => string = (text) => text,
): Promise<SaslStep> {
  const running = digestMd5Mechanism().begin(context());
  const challenge = await running.respond(Buffer.alloc(0));
  assert.equal(challenge.kind, 'challenge');
  const proof = await running.respond(
    Buffer.from(alter(respond(challenge.data.toString(), changes)), 'latin1'),
  );
  if (proof.kind !== 'challenge') return proof;
  assert.match(proof.data.toString(), /^rspauth=[0-9a-f]{32}$/);
  return running.respond(Buffer.alloc(0));
}

const outcome = (step: SaslStep) =>
  step.kind === 'success' ? step.account : step.kind === 'failure' ? step.condition : step.kind;

test('the published exchange with IMAP (RFC 2831 §4)', async () => {
  const running = digestMd5Mechanism(() => 'OA6MG9tEQGm2hh', 'imap').begin(
    context({ accounts: elwood, domain: domain(ELWOOD) }),
  );
  const challenge = await running.respond(Buffer.alloc(0));
  assert.equal(
    challenge.kind === 'challenge' && challenge.data.toString(),
    `realm="${ELWOOD}",nonce="OA6MG9tEQGm2hh",qop="auth",charset=utf-8,algorithm=md5-sess`,
  );
  const rspauth = await running.respond(
    Buffer.from(
      `charset=utf-8,username="chris",realm="${ELWOOD}",nonce="OA6MG9tEQGm2hh",nc=00000001,` +
        `cnonce="OA6MHXh6VqTrRk",digest-uri="imap/${ELWOOD}",` +
        'response=d388dad90d4bbd760a152321f2143af7,qop=auth',
    ),
  );
  assert.equal(
    rspauth.kind === 'challenge' && rspauth.data.toString(),
    'rspauth=ea40f60335c427b5527b84dbabcdfffd',
  );
  assert.equal(outcome(await running.respond(Buffer.alloc(0))), `chris@${ELWOOD}`);
});

test('the published exchange with ACAP (RFC 2831 §4)', async () => {
  const running = digestMd5Mechanism(() => 'OA9BSXrbuRhWay', 'acap').begin(
    context({ accounts: elwood, domain: domain(ELWOOD) }),
  );
  await running.respond(Buffer.alloc(0));
  const rspauth = await running.respond(
    Buffer.from(
      `charset=utf-8,username="chris",realm="${ELWOOD}",nonce="OA9BSXrbuRhWay",nc=00000001,` +
        `cnonce="OA9BSuZWMSpW8m",digest-uri="acap/${ELWOOD}",` +
        'response=6084c6db3fede7352c551284490fd0fc,qop=auth',
    ),
  );
  assert.equal(
    rspauth.kind === 'challenge' && rspauth.data.toString(),
    'rspauth=2f0b3d7c3c2e486600ef710726aa2eae',
  );
});

const TABLE: readonly [string, Parameters<typeof respond>[1], string][] = [
  ['all right', {}, 'juliet@example.com'],
  ['qop absent means auth', { qop: undefined }, 'juliet@example.com'],
  ['no charset', { charset: undefined }, 'juliet@example.com'],
  ['own authzid', { authzid: 'juliet@example.com' }, 'juliet@example.com'],
  ['a replicated service', { 'digest-uri': 'xmpp/host1.example.net/example.com' }, 'juliet@example.com'],
  ['service in capitals', { 'digest-uri': 'XMPP/example.com' }, 'juliet@example.com'],
  [
    'Latin-1 in UTF-8 is hashed as Latin-1',
    { username: octets('jürgen'), hashedUser: 'jürgen', password: 'käse' },
    'jürgen@example.com',
  ],
  [
    'Latin-1 without charset',
    { charset: undefined, username: 'jürgen', password: 'käse' },
    'jürgen@example.com',
  ],
  ['beyond Latin-1', { username: octets('анна'), password: octets('пароль') }, 'анна@example.com'],
  ['wrong password', { password: 'wrong' }, 'not-authorized'],
  ['unknown user', { username: 'nobody' }, 'not-authorized'],
  ['no user name at all', { username: 'no body' }, 'not-authorized'],
  ['disabled', { username: 'disabled' }, 'account-disabled'],
  ['disabled, wrong password', { username: 'disabled', password: 'wrong' }, 'not-authorized'],
  ['expired', { username: 'expired' }, 'credentials-expired'],
  ['another nonce', { nonce: 'other' }, 'not-authorized'],
  ['a nonce used again', { nc: '00000002' }, 'not-authorized'],
  ['another realm', { realm: 'example.net' }, 'not-authorized'],
  ['no realm', { realm: undefined }, 'not-authorized'],
  ['another service', { 'digest-uri': 'imap/example.com' }, 'not-authorized'],
  ['another host', { 'digest-uri': 'xmpp/example.net' }, 'not-authorized'],
  ['a path too long', { 'digest-uri': 'xmpp/a/b/example.com' }, 'not-authorized'],
  ['no host', { 'digest-uri': 'xmpp' }, 'not-authorized'],
  ['another’s authzid', { authzid: 'nurse@example.com' }, 'invalid-authzid'],
  ['a full JID as authzid', { authzid: 'juliet@example.com/balcony' }, 'invalid-authzid'],
  ['integrity, which was not offered', { qop: 'auth-int' }, 'malformed-request'],
  ['no user name', { username: undefined }, 'malformed-request'],
  ['no nonce', { nonce: undefined }, 'malformed-request'],
  ['no cnonce', { cnonce: undefined }, 'malformed-request'],
  ['no nc', { nc: undefined }, 'malformed-request'],
  ['nc of another form', { nc: '1' }, 'malformed-request'],
  ['no digest-uri', { 'digest-uri': undefined }, 'malformed-request'],
  ['a response in capitals', { response: 'A'.repeat(32) }, 'malformed-request'],
  ['a short response', { response: 'a'.repeat(31) }, 'malformed-request'],
  ['another charset', { charset: 'utf-16' }, 'malformed-request'],
  ['no UTF-8', { username: 'j\xfcrgen' }, 'malformed-request'],
];

test('digest-responses, right and wrong', async () => {
  for (const [name, changes, expected] of TABLE) {
    assert.equal(outcome(await exchange(changes)), expected, name);
  }
});

test('syntax of directive lists', async () => {
  const good: readonly ((text: string) => string)[] = [
    (text) => ` , ${text.replaceAll(',', ' ,\t')},,`,
    (text) => text.replace('username="juliet"', 'Username = "jul\\iet"'),
    (text) => `${text},x-new="a,b\\"c",x-new=again`,
    (text) => `${text},maxbuf=1024`,
  ];
  for (const alter of good) assert.equal(outcome(await exchange({}, alter)), 'juliet@example.com');
  const bad: readonly ((text: string) => string)[] = [
    () => '',
    (text) => `${text},nc=00000001`,
    (text) => `${text},username="juliet"`,
    (text) => `${text},maxbuf=1,maxbuf=1`,
    (text) => `${text},broken`,
    (text) => `${text},x="unterminated`,
    (text) => `${text},x="a"b`,
    (text) => `${text} y=z`,
    (text) => `${text},x=`,
    (text) => `${text},x="${'y'.repeat(4096)}"`,
  ];
  for (const alter of bad) {
    const step = await exchange({}, alter);
    assert.equal(outcome(step), 'malformed-request', alter('RESPONSE').slice(0, 80));
  }
  assert.equal(parseDigestResponse(Buffer.from('\0')), null);
});

test('an initial response is answered with a challenge: there is no subsequent authentication', async () => {
  const step = await digestMd5Mechanism()
    .begin(context())
    .respond(Buffer.from(respond('nonce="old"')));
  assert.equal(step.kind, 'challenge');
});

test('data after rspauth is malformed', async () => {
  const running = digestMd5Mechanism().begin(context());
  const challenge = await running.respond(Buffer.alloc(0));
  assert.equal(challenge.kind, 'challenge');
  assert.equal(outcome(await running.respond(Buffer.from(respond(challenge.data.toString())))), 'challenge');
  assert.equal(outcome(await running.respond(Buffer.from('x'))), 'malformed-request');
});

test('it needs the policy and a stored form that gives H(A1)', async () => {
  const off = { plain: true, plainWithoutTls: false, digestMd5: false, external: 'off' } as const;
  const mechanism = digestMd5Mechanism();
  assert.equal(mechanism.refusal(context()), null);
  assert.equal(mechanism.refusal(context({ policy: off })), 'mechanism-too-weak');
  const scramOnly = await testAccounts({ kept: { ...EVERYTHING_KEPT, digestMd5: false } });
  assert.equal(mechanism.refusal(context({ accounts: scramOnly })), 'mechanism-too-weak');
  const clear = await testAccounts({ kept: { ...EVERYTHING_KEPT, digestMd5: false, plain: true } });
  await clear.create(bare('juliet@example.com'), 'r0m30');
  assert.equal(mechanism.refusal(context({ accounts: clear })), null);
  const running = mechanism.begin(context({ accounts: clear }));
  const challenge = await running.respond(Buffer.alloc(0));
  assert.equal(challenge.kind, 'challenge');
  const capitals = respond(challenge.data.toString(), { username: 'Juliet' });
  await running.respond(Buffer.from(capitals));
  assert.equal(outcome(await running.respond(Buffer.alloc(0))), 'juliet@example.com');
});
