import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { AccountError } from '../../../core-server/accounts/account-error.js';
import type { AccountEvent } from '../../../core-server/accounts/accounts.js';
import {
  createPasswordHasher,
  HashingQueueFull,
  type PasswordHasher,
} from '../../../core-server/accounts/password-hasher.js';
import { prepareQuery, prepareStored } from '../../../core-server/accounts/password-preparation.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { bare, EVERYTHING_KEPT, testAccounts } from '../../tools/sasl.js';

const juliet = bare('juliet@example.com');
const nobody = bare('nobody@example.com');

function countingHasher(): PasswordHasher & { calls: { iterations: number; hash: string }[] } {
  const real = createPasswordHasher();
  const calls: { iterations: number; hash: string }[] = [];
  return {
    calls,
    hash(password, salt, iterations, hash) {
      calls.push({ iterations, hash });
      return real.hash(password, salt, iterations, hash);
    },
  };
}

const refused = (code: AccountError['code']) => (error: AccountError) => error.code === code;

test('an account is made, changed, disabled, enabled and removed, and says so', async () => {
  const accounts = await testAccounts();
  const events: AccountEvent[] = [];
  accounts.subscribe((event) => events.push(event));
  assert.equal(accounts.existsSync(juliet), false);
  await accounts.create(juliet, 'r0m30');
  assert.equal(accounts.existsSync(juliet), true);
  assert.equal(await accounts.passwords.verify(juliet, 'r0m30'), 'ok');
  assert.equal(await accounts.passwords.verify(juliet, 'r0m31'), 'wrong');
  await accounts.setPassword(juliet, 'capulet');
  assert.equal(await accounts.passwords.verify(juliet, 'r0m30'), 'wrong');
  assert.equal(await accounts.passwords.verify(juliet, 'capulet'), 'ok');
  await accounts.disable(juliet);
  assert.equal(await accounts.passwords.verify(juliet, 'capulet'), 'disabled');
  assert.equal(
    await accounts.passwords.verify(juliet, 'wrong'),
    'wrong',
    'a stranger does not learn that it is disabled',
  );
  assert.equal(await accounts.exists(juliet), true);
  await accounts.enable(juliet);
  await accounts.expirePassword(juliet);
  assert.equal(await accounts.passwords.verify(juliet, 'capulet'), 'expired');
  await accounts.setPassword(juliet, 'montague');
  assert.equal(await accounts.passwords.verify(juliet, 'montague'), 'ok');
  await accounts.remove(juliet, []);
  assert.equal(await accounts.exists(juliet), false);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['created', 'password-changed', 'disabled', 'enabled', 'password-changed', 'removed', 'released'],
  );
});

test('a listener that fails disturbs nobody', async () => {
  const accounts = await testAccounts();
  let heard = 0;
  accounts.subscribe(() => {
    throw new Error('broken');
  });
  const stop = accounts.subscribe(() => {
    heard += 1;
  });
  await accounts.create(juliet, 'r0m30');
  stop();
  await accounts.disable(juliet);
  assert.equal(heard, 1);
});

test('names and passwords that cannot be are refused', async () => {
  const accounts = await testAccounts();
  await accounts.create(juliet, 'r0m30');
  await assert.rejects(accounts.create(juliet, 'x'), refused('exists'));
  await assert.rejects(accounts.create(bare('example.com'), 'x'), refused('invalid-name'));
  await assert.rejects(accounts.create('JULIET@example.com' as typeof juliet, 'x'), refused('invalid-name'));
  await assert.rejects(accounts.create(bare('juliet@example.net'), 'x'), refused('unknown-domain'));
  await assert.rejects(accounts.create(nobody, ''), refused('invalid-password'));
  await assert.rejects(accounts.create(nobody, 'bell\u0007'), refused('invalid-password'));
  await assert.rejects(
    accounts.create(nobody, '\u0221'),
    refused('invalid-password'),
    'unassigned, RFC 4616 §2',
  );
  await assert.rejects(accounts.setPassword(nobody, 'x'), refused('not-found'));
  await assert.rejects(accounts.disable(nobody), refused('not-found'));
  await assert.rejects(accounts.remove(nobody, []), refused('not-found'));
});

test('two that create the same name at once: one gets it', async () => {
  const accounts = await testAccounts();
  const results = await Promise.allSettled([accounts.create(juliet, 'a'), accounts.create(juliet, 'b')]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(await accounts.passwords.verify(juliet, 'a'), 'ok');
});

test('a removed name is blocked until all has confirmed, or by force', async () => {
  const storage = createMemoryStorage();
  const accounts = await testAccounts({ storage, now: () => 1000 });
  await accounts.create(juliet, 'r0m30');
  await accounts.remove(juliet, ['vcard', 'pep', 'vcard']);
  assert.equal(accounts.existsSync(juliet), false);
  assert.equal(await accounts.passwords.verify(juliet, 'r0m30'), 'wrong');
  await assert.rejects(accounts.create(juliet, 'x'), refused('name-blocked'));
  await assert.rejects(accounts.setPassword(juliet, 'x'), refused('not-found'));

  const restarted = await testAccounts({ storage });
  const found = [];
  for await (const tombstone of restarted.tombstones()) found.push(tombstone);
  assert.deepEqual(found, [{ account: juliet, since: 1000, pending: ['vcard', 'pep'] }]);
  assert.equal(await restarted.confirmCleaned(juliet, 'pep'), false);
  assert.equal(await restarted.confirmCleaned(juliet, 'pep'), false, 'a second confirmation changes nothing');
  assert.equal(await restarted.confirmCleaned(juliet, 'vcard'), true);
  await restarted.create(juliet, 'new');
  assert.equal(
    await restarted.confirmCleaned(juliet, 'vcard'),
    true,
    'a late one does not touch the new account',
  );
  assert.equal(await restarted.passwords.verify(juliet, 'new'), 'ok');

  await restarted.remove(juliet, ['pep']);
  await restarted.create(juliet, 'forced', { force: true });
  assert.equal(await restarted.passwords.verify(juliet, 'forced'), 'ok');
  await restarted.remove(juliet, ['pep']);
  await restarted.release(juliet);
  await assert.rejects(restarted.release(juliet), refused('not-found'));
  await restarted.create(juliet, 'again');
});

test('accounts survive a restart and are listed in order', async () => {
  const storage = createMemoryStorage();
  const first = await testAccounts({ storage, now: () => 5 });
  await first.create(juliet, 'r0m30');
  await first.create(bare('romeo@example.com'), 'x');
  await first.disable(bare('romeo@example.com'));
  const again = await testAccounts({ storage });
  const listed = [];
  for await (const each of again.list()) listed.push(each);
  assert.deepEqual(listed, [
    { account: juliet, state: 'active', created: 5 },
    { account: bare('romeo@example.com'), state: 'disabled', created: 5 },
  ]);
  assert.equal(await again.passwords.verify(juliet, 'r0m30'), 'ok');
});

test('an unknown name, an impossible one and a wrong password cost the same one PBKDF2', async () => {
  const hasher = countingHasher();
  const accounts = await testAccounts({ hasher });
  await accounts.create(juliet, 'r0m30');
  await accounts.create(bare('romeo@example.com'), 'x');
  await accounts.remove(bare('romeo@example.com'), ['pep']);
  for (const [account, password] of [
    [juliet, 'r0m30'],
    [juliet, 'wrong'],
    [juliet, 'bell\u0007'],
    [nobody, 'wrong'],
    [bare('romeo@example.com'), 'x'],
    [null, 'wrong'],
  ] as const) {
    hasher.calls.length = 0;
    await accounts.passwords.verify(account, password);
    assert.deepEqual(hasher.calls, [{ iterations: 4096, hash: 'SHA-256' }], `${account} ${password}`);
  }
});

test('the salt of a name that does not exist is stable, differs by name and hash, and outlives a restart', async () => {
  const storage = createMemoryStorage();
  const accounts = await testAccounts({ storage });
  const first = await accounts.passwords.scram(nobody, 'SHA-256');
  const again = await (await testAccounts({ storage })).passwords.scram(nobody, 'SHA-256');
  assert.equal(first.standing, 'unknown');
  assert.deepEqual(first, again);
  assert.notDeepEqual(first.verifier.salt, (await accounts.passwords.scram(nobody, 'SHA-1')).verifier.salt);
  const other = await accounts.passwords.scram(bare('other@example.com'), 'SHA-256');
  assert.notDeepEqual(first.verifier.salt, other.verifier.salt);
  await accounts.create(juliet, 'r0m30');
  const real = await accounts.passwords.scram(juliet, 'SHA-256');
  assert.equal(real.verifier.salt.length, first.verifier.salt.length);
  assert.equal(real.verifier.iterations, first.verifier.iterations);
});

test('what is kept of a password follows the settings, at the next log-in in clear text', async () => {
  const storage = createMemoryStorage();
  const scramOnly = await testAccounts({
    storage,
    kept: { scram: ['SHA-1'], digestMd5: false, plain: false },
  });
  await scramOnly.create(juliet, 'r0m30');
  assert.equal(await scramOnly.passwords.digestMd5(juliet, 'juliet'), undefined);
  assert.equal(await scramOnly.passwords.verifyStreamDigest(juliet, 'id', sha1('idr0m30')), 'wrong');

  const all = await testAccounts({ storage, kept: { ...EVERYTHING_KEPT, plain: true } });
  assert.equal((await all.passwords.scram(juliet, 'SHA-256')).standing, 'unknown', 'no such verifier yet');
  assert.equal(await all.passwords.verify(juliet, 'r0m30'), 'ok');
  await all.disable(juliet); // follows the upgrade, which runs after the answer
  await all.enable(juliet);
  assert.equal((await all.passwords.scram(juliet, 'SHA-256')).standing, 'active');
  assert.equal(await all.passwords.verifyStreamDigest(juliet, 'id', sha1('idr0m30')), 'ok');
  assert.equal(await all.passwords.verifyStreamDigest(juliet, 'id', sha1('idwrong')), 'wrong');
  assert.equal(await all.passwords.verifyStreamDigest(nobody, 'id', sha1('id')), 'wrong');
  assert.equal(await all.passwords.verifyStreamDigest(juliet, 'id', 'zz'), 'wrong');

  const strict = await testAccounts({
    storage,
    kept: { scram: ['SHA-256'], digestMd5: false, plain: false },
  });
  assert.equal(await strict.passwords.verify(juliet, 'r0m30'), 'ok');
  await strict.disable(juliet);
  await strict.enable(juliet);
  assert.equal(
    await strict.passwords.verifyStreamDigest(juliet, 'id', sha1('idr0m30')),
    'wrong',
    'no clear text any more',
  );
  assert.equal((await strict.passwords.scram(juliet, 'SHA-1')).standing, 'unknown');
});

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

test('more iterations than at the time of the password come with the next log-in in clear text', async () => {
  const storage = createMemoryStorage();
  await (await testAccounts({ storage })).create(juliet, 'r0m30');
  const stronger = await testAccounts({ storage, iterations: 5000 });
  assert.equal((await stronger.passwords.scram(juliet, 'SHA-256')).verifier.iterations, 4096);
  assert.equal(await stronger.passwords.verify(juliet, 'wrong'), 'wrong');
  assert.equal(await stronger.passwords.verify(juliet, 'r0m30'), 'ok');
  await stronger.enable(juliet); // follows the upgrade, which runs after the answer
  assert.equal((await stronger.passwords.scram(juliet, 'SHA-256')).verifier.iterations, 5000);
  assert.equal(await stronger.passwords.verify(juliet, 'r0m30'), 'ok');
});

test('no document holds the password unless it is to be kept', async () => {
  const storage = createMemoryStorage();
  const accounts = await testAccounts({ storage });
  await accounts.create(juliet, 'very-secret-password');
  const { ACCOUNTS } = await import('../../../core-server/accounts/account-document.js');
  const stored = await storage.keyval(ACCOUNTS).get(juliet);
  assert.ok(stored);
  assert.ok(!JSON.stringify(stored.value).includes('very-secret-password'));
});

test('a full cache and another process that writes do not make it forget or err', async () => {
  const storage = createMemoryStorage();
  const accounts = await testAccounts({ storage, cacheSize: 2 });
  for (const name of ['a', 'b', 'c', 'd']) await accounts.create(bare(`${name}@example.com`), name);
  for (const name of ['d', 'a', 'c', 'b']) {
    assert.equal(accounts.existsSync(bare(`${name}@example.com`)), true);
    assert.equal(await accounts.passwords.verify(bare(`${name}@example.com`), name), 'ok');
  }
  const other = await testAccounts({ storage });
  await other.setPassword(bare('b@example.com'), 'changed');
  accounts.forget(bare('b@example.com'));
  assert.equal(await accounts.passwords.verify(bare('b@example.com'), 'changed'), 'ok');
});

test('the queue of PBKDF2 is bounded, and recovers', async () => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 1 });
  const salt = Buffer.alloc(16, 1);
  const run = () => hasher.hash('x', salt, 1, 'SHA-1');
  const results = await Promise.allSettled([run(), run(), run()]);
  assert.deepEqual(
    results.map((each) => (each.status === 'fulfilled' ? 'ok' : each.reason instanceof HashingQueueFull)),
    ['ok', 'ok', true],
  );
  assert.equal((await run()).length, 20);
});

test('where the queue of PBKDF2 is full, the network that wants most gives way, and networks take turns', async () => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 4 });
  const salt = Buffer.alloc(16, 1);
  const order: string[] = [];
  const run = (name: string, source: string) =>
    hasher.hash('x', salt, 1, 'SHA-1', source).then(
      () => order.push(name),
      (error: unknown) => order.push(`${name} ${error instanceof HashingQueueFull ? 'refused' : 'failed'}`),
    );
  await Promise.all([
    ...['a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((name) => run(name, 'a')),
    run('b1', 'b'),
    run('b2', 'b'),
    run('c1', 'c'),
  ]);
  assert.equal(order.filter((each) => each.endsWith('refused')).length, 4);
  const done = order.filter((each) => !each.endsWith('refused'));
  assert.deepEqual(done, ['a1', 'a2', 'b1', 'c1', 'b2']);
});

test('SASLprep of user names and passwords (RFC 4013 §3)', () => {
  const table: readonly [string, string | null][] = [
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['\u0007', null],
    ['\u0627\u0031', null],
    ['', null],
    ['\u00ad', null],
    ['a\u00a0b', 'a b'],
    ['\ud800', null],
  ];
  for (const [text, prepared] of table) assert.equal(prepareQuery(text), prepared, JSON.stringify(text));
  assert.equal(prepareQuery('\u0221'), '\u0221', 'unassigned: allowed in queries');
  assert.equal(prepareStored('\u0221'), null, 'and not in what is stored');
});
