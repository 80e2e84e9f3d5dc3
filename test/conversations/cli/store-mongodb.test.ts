import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';
import { startTestServer } from '../../tools/ferretdb/server.js';

describe('a system on MongoDB', () => {
  test('moves there, runs there, and moves back', async (t) => {
    const server = await startTestServer();
    if (server.skip !== undefined) return t.skip(server.skip);
    t.after(() => server.stop());
    // A database of its own: MONGODB_TEST_URL may be shared.
    const url = server.url.replace(/\/[^/?]*(\?|$)/, `/entourage_cli_${process.pid}$1`);
    const deployment = new Deployment(t, { COMPONENTS: 'vcard', C2S_TLS_PORT: '0' });
    await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil']);
    const there = await deployment.run(['store', 'copy', 'lmdb:./data', url, '--json']);
    assert.equal(there.code, 0, there.error);

    const environment = { STORAGE_URL: url };
    const running = await deployment.start(['start'], 'ready ', environment);
    assert.ok(!(await running.line('ready ')).includes('without'));
    assert.equal((await deployment.run(['user', 'list'], { environment })).out, 'juliet@localhost\n');
    assert.equal(
      (await deployment.run(['user', 'add', 'romeo@localhost', '--password', 'x'], { environment })).code,
      0,
    );
    assert.equal(
      (await deployment.run(['store', 'backup', 'copy'], { environment })).code,
      1,
      'not ours to copy',
    );
    assert.equal(await running.stop(), 0);

    const back = await deployment.run(['store', 'copy', url, 'lmdb:./back', '--json']);
    assert.equal(back.code, 0, back.error);
    const list = await deployment.run(['user', 'list'], { environment: { STORAGE_URL: 'lmdb:./back' } });
    assert.equal(list.out, 'juliet@localhost\nromeo@localhost\n');
  });
});
