import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccountState } from '../../../core-server/sessions/account-state.js';
import { LocalSessionDirectory } from '../../../core-server/sessions/session-directory.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const juliet = jid('juliet@capulet.lit');
const unreadable = (error: unknown) => assert.fail(String(error));

/** A directory over a store that answers when the test says so. */
function slowDirectory() {
  const questions: ((exists: boolean) => void)[] = [];
  const directory = new LocalSessionDirectory({
    exists: () => new Promise((resolve) => questions.push(resolve)),
    idleLimit: 100,
    log: recordingLogger(),
  });
  return { directory, questions };
}

test('whoever asks while an account is loaded is served in order, by one load', async () => {
  const { directory, questions } = slowDirectory();
  const seen: (readonly [number, AccountState])[] = [];
  const done = new Promise<void>((resolve) => {
    directory.with(juliet, (account) => seen.push([1, account]), unreadable);
    directory.with(juliet, (account) => seen.push([2, account]), unreadable);
    directory.with(
      juliet,
      (account) => {
        seen.push([3, account]);
        resolve();
      },
      unreadable,
    );
  });
  questions[0]?.(true);
  await done;
  assert.equal(questions.length, 1);
  assert.deepEqual(
    seen.map(([order]) => order),
    [1, 2, 3],
  );
  assert.equal(new Set(seen.map(([, account]) => account)).size, 1);
});

test('an account that is made while it is loaded is loaded again, not remembered as missing', async () => {
  const { directory, questions } = slowDirectory();
  const found = new Promise<AccountState>((resolve) => directory.with(juliet, resolve, unreadable));
  directory.setExists(juliet, true);
  questions[0]?.(false);
  // the second question comes when the first answer is seen to be outdated
  while (questions.length < 2) await new Promise((resolve) => setImmediate(resolve));
  questions[1]?.(true);
  assert.equal((await found).exists, true);
  assert.equal(directory.peek(juliet)?.exists, true);
});

test('a removed account and a new one of its name share nothing in memory', async () => {
  const { directory, questions } = slowDirectory();
  const find = () => new Promise<AccountState>((resolve) => directory.with(juliet, resolve, unreadable));
  const first = find();
  questions[0]?.(true);
  const before = await first;
  directory.setExists(juliet, false);
  const second = find();
  questions[1]?.(false);
  assert.equal((await second).exists, false);
  directory.setExists(juliet, true);
  const third = find();
  questions[2]?.(true);
  const after = await third;
  assert.notEqual(after, before);
  assert.notEqual(after, await second);
});

test('a store that cannot be read is told to all who wait, and asked again by the next', async () => {
  let broken = true;
  const directory = new LocalSessionDirectory({
    exists: () => (broken ? Promise.reject(new Error('away')) : Promise.resolve(true)),
    idleLimit: 100,
    log: recordingLogger(),
  });
  const attempt = () =>
    new Promise<boolean>((resolve) =>
      directory.with(
        juliet,
        (account) => resolve(account.exists),
        () => resolve(false),
      ),
    );
  assert.deepEqual(await Promise.all([attempt(), attempt()]), [false, false]);
  broken = false;
  assert.equal(await attempt(), true);
});
