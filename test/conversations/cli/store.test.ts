import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';

describe('entourage store', () => {
  test('backup copies everything while the system runs, and the copy can be run', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'vcard' });
    assert.equal((await deployment.run(['store', 'backup', 'copy'])).code, 3, 'no store yet');
    const running = await deployment.start(['start'], 'ready ');
    await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil']);
    const backup = await deployment.run(['store', 'backup', 'copy', '--json']);
    assert.equal(backup.code, 0, backup.error);
    assert.deepEqual(JSON.parse(backup.out).processes, ['core', 'vcard']);
    assert.equal((await deployment.run(['store', 'backup', 'copy'])).code, 4, 'not over another');
    await deployment.run(['user', 'add', 'romeo@localhost', '--password', 'pencil']);
    assert.equal(await running.stop(), 0);

    const environment = { STORAGE_URL: 'lmdb:./copy' };
    assert.equal((await deployment.run(['user', 'list'], { environment })).out, 'juliet@localhost\n');
    const secret = join('secrets', 'vcard');
    assert.deepEqual(
      readFileSync(join(deployment.folder, 'copy', secret)),
      readFileSync(join(deployment.folder, 'data', secret)),
    );
    assert.equal(statSync(join(deployment.folder, 'copy', secret)).mode & 0o777, 0o600);
  });

  test('copy moves every collection and verifies it; not while it is used, not over what is there', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none' });
    assert.equal(
      (await deployment.run(['store', 'copy', 'lmdb:./data', 'lmdb:./other'])).code,
      3,
      'nothing there',
    );
    await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil']);
    const copied = await deployment.run(['store', 'copy', 'lmdb:./data', 'lmdb:./other', '--json']);
    assert.equal(copied.code, 0, copied.error);
    const accounts = JSON.parse(copied.out).find(
      ({ collection }: { collection: string }) => collection === 'accounts',
    );
    assert.equal(accounts.records, 1);
    assert.match(accounts.checksum, /^[0-9a-f]{64}$/);
    const environment = { STORAGE_URL: 'lmdb:./other' };
    assert.equal((await deployment.run(['user', 'list'], { environment })).out, 'juliet@localhost\n');
    assert.equal((await deployment.run(['store', 'copy', 'lmdb:./data', 'lmdb:./other'])).code, 4);
    const running = await deployment.start(['start'], 'ready ');
    const locked = await deployment.run(['store', 'copy', 'lmdb:./data', 'lmdb:./third']);
    assert.equal(locked.code, 1);
    assert.match(locked.error, /data\/core/);
    await running.stop();
    assert.equal((await deployment.run(['store', 'copy', 'nonsense:x', 'lmdb:./third'])).code, 1);
  });
});
