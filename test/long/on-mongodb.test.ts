import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { startTestServer, type TestServer } from '../tools/ferretdb/server.js';

// The conversations that are held on the embedded store, held once more with every process on MongoDB (or FerretDB).

const CONVERSATIONS = [
  'core/chat',
  'core/offline',
  'core/roster',
  'core/subscriptions',
  'muc/behind-the-core',
  'muc/survival',
  'pep/everyday',
  'pep/publisher-use-cases',
  'vcard/core',
  'privacy/privacy',
  'privacy/lists',
  'privacy/blocking',
  'privacy/enforcement',
];
const ONE_FILE_MILLISECONDS = 240_000;

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(async () => {
  if (server.skip === undefined) await server.stop();
});

/** Runs a test file with all its processes' data on the server; resolves with its exit code and what it said. */
function hold(name: string, url: string): Promise<{ code: number | null; said: string }> {
  const file = fileURLToPath(new URL(`../conversations/${name}.test.js`, import.meta.url));
  const storage = url.replace(/\/[^/?]*(\?|$)/, `/entourage_${process.pid}_NAME$1`);
  // Without what tells a test file that it is run by this one.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, ['--test-reporter=tap', file], {
    env: { ...environment, TEST_STORAGE_URL: storage },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), ONE_FILE_MILLISECONDS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      resolve({ code, said });
    });
  });
}

/** Removes what a file has left; resolves with how many databases that were. */
async function dropDatabases(url: string): Promise<number> {
  const client = await MongoClient.connect(url);
  try {
    const { databases } = await client.db().admin().listDatabases({ nameOnly: true });
    const ours = databases.filter(({ name }) => name.startsWith(`entourage_${process.pid}_`));
    for (const { name } of ours) await client.db(name).dropDatabase();
    return ours.length;
  } finally {
    await client.close();
  }
}

describe('on MongoDB', () => {
  for (const name of CONVERSATIONS) {
    test(name, async (t) => {
      if (server.skip !== undefined) return t.skip(server.skip);
      const { code, said } = await hold(name, server.url);
      assert.equal(code, 0, said);
      assert.match(said, /^# pass [1-9]/m);
      assert.match(said, /^# skipped 0$/m);
      assert.ok((await dropDatabases(server.url)) > 0, 'it was kept there');
    });
  }
});
