import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreUnderTest } from '../tools/core-harness.js';

// the scripts are not compiled: they are beside the sources
const scripts = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'test', 'interop', 'clients');
const CLIENT_MILLISECONDS = 30_000;

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ PASSWORD_STORAGE: 'plain', SASL_DIGEST_MD5: 'true' });
  await core.addUsers('bill', 'juliet');
});
after(() => core.stop());

/** Runs a client to its end; its output, and how it ended. */
async function run(
  program: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: CLIENT_MILLISECONDS });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

function available(t: TestContext, name: string, program: string, ...args: string[]): boolean {
  if (existsSync(program) && spawnSync(program, args).status === 0) return true;
  t.skip(`${name} is not installed`);
  return false;
}

const netXmpp = (t: TestContext) =>
  available(t, 'libnet-xmpp-perl', '/usr/bin/perl', '-MNet::XMPP', '-e', '1');
const slixmpp = (t: TestContext) =>
  available(t, 'python3-slixmpp', '/usr/bin/python3', '-c', 'import slixmpp');

for (const mode of ['iq-auth', 'sasl']) {
  test(`Net::XMPP logs in by ${mode} and sends a message`, async (t) => {
    if (!netXmpp(t)) return;
    const juliet = await core.online('juliet', 'balcony');
    const { host, port } = core.address();
    const script = join(scripts, 'net-xmpp.pl');
    const { code, output } = await run('/usr/bin/perl', [
      script,
      host,
      String(port),
      mode,
      'bill',
      'secret',
      'juliet@localhost/balcony',
    ]);
    assert.equal(code, 0, output);
    const message = await juliet.stanza((stanza) => stanza.name === 'message');
    assert.ok(message.source.includes(`by ${mode}`), message.source);
    assert.equal(message.from, 'bill@localhost/net-xmpp');
    await juliet.close();
    const refused = await run('/usr/bin/perl', [
      script,
      host,
      String(port),
      mode,
      'bill',
      'wrong',
      'x@localhost',
    ]);
    assert.notEqual(refused.code, 0, refused.output);
  });
}

test('Net::XMPP logs in by iq-auth with the password itself, where no digest can be checked', async (t) => {
  if (!netXmpp(t)) return;
  const scram = await CoreUnderTest.start();
  try {
    await scram.addUsers('bill');
    const { host, port } = scram.address();
    const args = [
      join(scripts, 'net-xmpp.pl'),
      host,
      String(port),
      'iq-auth',
      'bill',
      'secret',
      'bill@localhost',
    ];
    const { code, output } = await run('/usr/bin/perl', args);
    assert.equal(code, 0, output);
  } finally {
    await scram.stop();
  }
});

test('slixmpp logs in by SASL DIGEST-MD5', async (t) => {
  if (!slixmpp(t)) return;
  const { host, port } = core.address();
  const script = join(scripts, 'slixmpp-login.py');
  const login = (password: string) =>
    run('/usr/bin/python3', [script, host, String(port), 'bill@localhost/globe', password]);
  const { code, output } = await login('secret');
  assert.equal(code, 0, output);
  const refused = await login('wrong');
  assert.notEqual(refused.code, 0, refused.output);
});

test('sendxmpp sends a message', async (t) => {
  if (!existsSync('/usr/bin/sendxmpp')) return t.skip('sendxmpp is not installed');
  const juliet = await core.online('juliet', 'balcony');
  const { host, port } = core.address();
  const { code, output } = await run(
    '/usr/bin/sendxmpp',
    ['-u', 'bill', '-p', 'secret', '-j', `${host}:${port}`, '-o', 'localhost', 'juliet@localhost'],
    'But, soft! what light\n',
  );
  assert.equal(code, 0, output);
  const message = await juliet.stanza((stanza) => stanza.name === 'message');
  assert.ok(message.source.includes('But, soft! what light'), message.source);
  await juliet.close();
});
