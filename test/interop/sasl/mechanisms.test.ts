import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { compiledRoot } from '../../../shared/settings/registry.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { CoreUnderTest } from '../../tools/core-harness.js';

const folder = mkdtempSync(join(tmpdir(), 'entourage-mechanisms-'));
const authority = testCertificate(['Authority'], { authority: true });
const ca = join(folder, 'ca.pem');
const script = join(compiledRoot, '..', 'test', 'interop', 'sasl', 'mechanisms.py');
const PYTHON = '/usr/bin/python3'; // Debian's, which Debian's packages are for
let core: CoreUnderTest;

before(async () => {
  writeFileSync(ca, authority.certificate);
  const server = writePair(join(folder, 'server'), testCertificate(['localhost'], { issuer: authority }));
  core = await CoreUnderTest.start({
    C2S_TLS_PORT: 'auto',
    C2S_REQUIRE_TLS: 'true',
    C2S_CLIENT_CERTIFICATES: 'true',
    C2S_CLIENT_CA: ca,
    SASL_DIGEST_MD5: 'true',
    SASL_TLS_UNIQUE: 'true',
    TLS_CERT: server.cert,
    TLS_KEY: server.key,
  });
  await core.addUsers('juliet', 'romeo');
});
after(async () => {
  await core.stop();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a client; `null` when it is not installed. */
function run(command: string, args: readonly string[], input = ''): Promise<Outcome | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder },
      timeout: 25_000,
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve(null) : reject(error),
    );
    child.on('close', (code) => resolve({ code, output }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** By which mechanisms the core let somebody in since it had written this much. */
function mechanismsSince(mark: number): string[] {
  return core.process.output
    .slice(mark)
    .split('\n')
    .filter((line) => line.includes('"c2s.authenticated"'))
    .map((line) => String(JSON.parse(line).mechanism));
}

async function slixmpp(
  t: TestContext,
  mechanism: string,
  version: string,
  password = 'secret',
  pair = ['-', '-'],
) {
  const probe = await run(PYTHON, ['-c', 'import slixmpp']);
  if (probe?.code !== 0) {
    t.skip('slixmpp is not installed');
    return null;
  }
  const { host, port } = core.address();
  return run(PYTHON, [
    script,
    'juliet@localhost',
    password,
    host,
    String(port),
    mechanism,
    ca,
    version,
    ...pair,
  ]);
}

for (const [mechanism, version] of [
  ['SCRAM-SHA-256-PLUS', '1.2'],
  ['SCRAM-SHA-1-PLUS', '1.2'],
  ['SCRAM-SHA-256', '1.3'],
  ['SCRAM-SHA-1', '1.3'],
  ['DIGEST-MD5', '1.3'],
  ['PLAIN', '1.3'],
] as const) {
  test(`slixmpp logs in by ${mechanism} over TLS ${version}, and not with a wrong password`, async (t) => {
    const mark = core.process.output.length;
    const good = await slixmpp(t, mechanism, version);
    if (!good) return;
    assert.equal(good.code, 0, good.output);
    assert.deepEqual(mechanismsSince(mark), [mechanism]);
    const bad = await slixmpp(t, mechanism, version, 'wrong');
    assert.equal(bad?.code, 1, bad?.output);
  });
}

test('slixmpp logs in by EXTERNAL', async (t) => {
  const options = { issuer: authority, xmppAddresses: ['juliet@localhost'] };
  const pair = writePair(join(folder, 'juliet'), testCertificate(['juliet'], options));
  const mark = core.process.output.length;
  const outcome = await slixmpp(t, 'EXTERNAL', '1.3', 'unused', [pair.cert, pair.key]);
  if (!outcome) return;
  assert.equal(outcome.code, 0, outcome.output);
  assert.deepEqual(mechanismsSince(mark), ['EXTERNAL']);
});

for (const version of ['1.2', '1.3']) {
  test(`slixmpp finds a way in by itself over TLS ${version}`, async (t) => {
    // 1.8 knows no binding but tls-unique, on TLS 1.3 either: were it refused, it would deny that PLUS was offered, be refused
    // for that (RFC 5802 §6), and get in by the weakest
    const mark = core.process.output.length;
    const outcome = await slixmpp(t, '-', version);
    if (!outcome) return;
    assert.equal(outcome.code, 0, outcome.output);
    const mechanisms = mechanismsSince(mark);
    assert.equal(mechanisms.length, 1);
    assert.deepEqual(mechanisms, ['SCRAM-SHA-256-PLUS']);
  });
}

test('go-sendxmpp logs in', async (t) => {
  const { host, port } = core.address('c2s-tls');
  const mark = core.process.output.length;
  const args = ['-u', 'juliet@localhost', '-p', 'secret', '-j', `${host}:${port}`, '-t', '-n'];
  const outcome = await run('go-sendxmpp', [...args, 'romeo@localhost'], 'Hello\n');
  if (!outcome) return t.skip('go-sendxmpp is not installed');
  assert.equal(outcome.code, 0, outcome.output);
  assert.equal(mechanismsSince(mark).length, 1, outcome.output);
});

test('sendxmpp (Net::XMPP) logs in', async (t) => {
  const { host, port } = core.address();
  const mark = core.process.output.length;
  const args = [
    '-u',
    'juliet',
    '-p',
    'secret',
    '-j',
    `localhost:${port}`,
    '-c',
    'localhost',
    '--tls',
    '--no-tls-verify',
  ];
  const outcome = await run('sendxmpp', [...args, 'romeo@localhost'], 'Hello\n');
  if (!outcome) return t.skip('sendxmpp is not installed');
  assert.equal(outcome.code, 0, `${host} ${outcome.output}`);
  assert.equal(mechanismsSince(mark).length, 1, outcome.output);
});
