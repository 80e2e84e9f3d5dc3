import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

// No container engine is needed: the steps of the Dockerfile run as they are written, in a clean directory with a clean
// HOME, and what they make runs as the image's user with the image's command, its file system closed to it.

const ROOT = join(import.meta.dirname, '..', '..', '..');
const USER = 65532;

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** The instructions of each stage. */
function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const line of dockerfile.replaceAll(/\\\n/g, ' ').split('\n')) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

function wordOf(stage: readonly Instruction[], word: string): string {
  return stage.find((instruction) => instruction.word === word)?.rest ?? '';
}

/** The environment of all ENV lines. */
function environmentOf(stage: readonly Instruction[]): Record<string, string> {
  const pairs = stage
    .filter(({ word }) => word === 'ENV')
    .flatMap(({ rest }) =>
      [...rest.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
    );
  return Object.fromEntries(pairs);
}

/** Files under version control: what COPY may see. */
function tracked(): string[] {
  const listed = spawnSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' });
  return listed.stdout.split('\0').filter((path) => path !== '');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('the steps of the Dockerfile make something that runs as an unprivileged user and is healthy', async (t: TestContext) => {
  if (process.getuid?.() !== 0) return t.skip('another user’s processes need root');
  if (spawnSync('git', ['rev-parse'], { cwd: ROOT }).status !== 0) return t.skip('this is no git checkout');
  const folder = mkdtempSync(join(tmpdir(), 'entourage-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  spawnSync('chmod', ['755', folder]);
  const app = join(folder, 'app');
  const home = join(folder, 'home');
  for (const path of [app, home]) mkdirSync(path);
  const [build = [], runtime = []] = stagesOf(readFileSync(join(ROOT, 'core-server', 'Dockerfile'), 'utf8'));

  for (const { word, rest } of build) {
    if (word === 'COPY') {
      const words = rest.split(/\s+/);
      const from = words.slice(0, -1);
      for (const path of tracked()) {
        if (!from.includes('.') && !from.includes(path)) continue;
        mkdirSync(dirname(join(app, path)), { recursive: true });
        cpSync(join(ROOT, path), join(app, path));
      }
    } else if (word === 'RUN') {
      const step = spawnSync('sh', ['-ec', rest], {
        cwd: app,
        env: { PATH: process.env['PATH'], HOME: home },
        encoding: 'utf8',
        timeout: 600_000,
      });
      assert.equal(step.status, 0, `${rest}: ${step.stdout}${step.stderr}`);
    }
  }
  const size = Number(spawnSync('du', ['-sm', app], { encoding: 'utf8' }).stdout.split('\t')[0]);
  assert.ok(size < 200, `the image's own part has ${size} MB`);
  assert.equal(spawnSync('ls', [join(app, 'dist', 'test')]).status !== 0, true, 'no tests in the image');

  // the second stage: paths are the image's, so they are put under the folder
  const inside = (text: string): string => text.replaceAll(/(^|[\s:"'])\/(app|data)\b/g, `$1${folder}/$2`);
  assert.match(wordOf(runtime, 'USER'), new RegExp(`^${USER}:`));
  assert.equal(wordOf(runtime, 'STOPSIGNAL'), 'SIGTERM');
  const entry: string[] = JSON.parse(inside(wordOf(runtime, 'ENTRYPOINT')));
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'between us\n', { mode: 0o400 });
  chownSync(secret, USER, USER);
  const ports = { core: await freePort(), vcard: await freePort(), component: await freePort() };
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  const start = (name: 'core' | 'vcard', settings: Record<string, string>) => {
    const data = join(folder, `data-${name}`);
    mkdirSync(data, { mode: 0o700 });
    chownSync(data, USER, USER);
    const environment = environmentOf(runtime);
    const child = spawn(entry[0] ?? 'node', [...entry.slice(1), name], {
      uid: USER,
      gid: USER,
      cwd: app,
      env: {
        PATH: process.env['PATH'],
        ...environment,
        STORAGE_URL: `lmdb:${data}`,
        METRICS_PORT: String(ports[name]),
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (text) => {
        output += text;
      });
    return { child, output: () => output };
  };
  const core = start('core', {
    COMPONENTS: 'vcard',
    COMPONENT_VCARD_SECRET_FILE: secret,
    COMPONENT_PORT: String(ports.component),
    COMPONENT_TLS_PORT: '0',
    LISTEN_HOST: '127.0.0.1',
    C2S_PORT: 'auto',
    C2S_TLS_PORT: '0',
    S2S_PORT: '0',
    S2S_TLS_PORT: '0',
  });
  const vcard = start('vcard', { VCARD_SECRET_FILE: secret, CORE_PORT: String(ports.component) });

  // the image's own health check, on each one's port
  const check: string[] = JSON.parse(wordOf(runtime, 'HEALTHCHECK').replace(/^.*CMD /, ''));
  const healthy = async (name: 'core' | 'vcard', output: () => string): Promise<void> => {
    const end = performance.now() + 60_000;
    for (;;) {
      const [program = 'node', ...args] = check.map((word) => word.replace('9090', String(ports[name])));
      const child = spawn(program, args, { stdio: 'ignore' });
      const [code] = await once(child, 'close');
      if (code === 0) return;
      assert.ok(performance.now() < end, `${name} is not healthy: ${output()}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  await healthy('core', core.output);
  await healthy('vcard', vcard.output);
  // the file system is the image's: its user can write nothing there
  assert.notEqual(spawnSync('touch', [join(app, 'x')], { uid: USER, gid: USER }).status, 0);

  for (const { child, output } of [vcard, core]) {
    const gone = once(child, 'close');
    child.kill('SIGTERM');
    const [code] = await gone;
    assert.equal(code, 0, output());
  }
});
