import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Prepare {
  prepare(root: string, options: { development?: boolean; say: (line: string) => void }): Promise<boolean>;
  whatIsMissing(
    root: string,
    options?: { development?: boolean },
  ): { install: string | null; build: string | null };
}

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const { prepare, whatIsMissing }: Prepare = await import(join(repository, 'shared/cli/prepare.mjs'));

/** A checkout with one source, the real tools behind a symbolic link, as work trees have them. */
function checkout(t: TestContext): { root: string; said: string[]; say: (line: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'entourage-prepare-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'shared'));
  writeFileSync(join(root, 'shared', 'one.ts'), 'export const one: number = 1;\n');
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(root, 'tsconfig.json'),
    '{"compilerOptions":{"module":"nodenext","rootDir":".","outDir":"dist","types":[],"incremental":true,"tsBuildInfoFile":"dist/.tsbuildinfo"},"include":["shared"]}',
  );
  symlinkSync(realpathSync(join(repository, 'node_modules')), join(root, 'node_modules'));
  const said: string[] = [];
  return { root, said, say: (line) => said.push(line) };
}

/** Sets a file's time well after the last build. */
function touch(path: string): void {
  const later = new Date(Date.now() + 10_000);
  utimesSync(path, later, later);
}

describe('prepare', () => {
  test('builds once, then finds nothing to do', async (t) => {
    const { root, said, say } = checkout(t);
    assert.equal(await prepare(root, { say }), true);
    assert.match(readFileSync(join(root, 'dist/shared/one.js'), 'utf8'), /one = 1/);
    assert.equal(await prepare(root, { say }), false);
    assert.deepEqual(said, ['building']);
  });

  test('builds again for a newer source, lost output, and a source that is gone', async (t) => {
    const { root, say } = checkout(t);
    await prepare(root, { say });
    const source = join(root, 'shared', 'two.ts');
    const output = join(root, 'dist/shared/two.js');
    writeFileSync(source, 'export const two = 2;\n');
    assert.equal(whatIsMissing(root).build === null, false);
    await prepare(root, { say });
    assert.ok(existsSync(output));
    touch(join(root, 'shared', 'one.ts'));
    assert.match(whatIsMissing(root).build ?? '', /one\.ts is newer/);
    utimesSync(join(root, 'shared', 'one.ts'), 1, 1);
    rmSync(output);
    assert.match(whatIsMissing(root).build ?? '', /two\.ts has no output/);
    await prepare(root, { say });
    assert.ok(existsSync(output));
    rmSync(source);
    assert.match(whatIsMissing(root).build ?? '', /two\.js has no source/);
    await prepare(root, { say });
    assert.ok(!existsSync(output));
    assert.deepEqual(whatIsMissing(root), { install: null, build: null });
  });

  test('several at once: one builds, all wait for it', async (t) => {
    const { root, said, say } = checkout(t);
    await Promise.all([prepare(root, { say }), prepare(root, { say }), prepare(root, { say })]);
    assert.deepEqual(said, ['building']);
    assert.ok(!existsSync(join(root, 'dist', '.prepare.lock')));
  });

  test('the lock of a process that is gone does not count', async (t) => {
    const { root, say } = checkout(t);
    mkdirSync(join(root, 'dist'));
    writeFileSync(join(root, 'dist', '.prepare.lock'), '2147483646');
    assert.equal(await prepare(root, { say }), true);
  });

  test('an error of the compiler is shown, and the next run tries again', async (t) => {
    const { root, say } = checkout(t);
    writeFileSync(join(root, 'shared', 'one.ts'), "export const one: number = 'x';\n");
    await assert.rejects(prepare(root, { say }), /tsc failed:\s.*one\.ts/s);
    await assert.rejects(prepare(root, { say }), /tsc failed/);
  });

  test('compares the lock file with what npm installed', (t) => {
    const root = mkdtempSync(join(tmpdir(), 'entourage-lock-'));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    const lock = (packages: object): string => JSON.stringify({ packages: { '': {}, ...packages } });
    const a = { version: '1.0.0', integrity: 'x' };
    const write = (wanted: object, installed: object): void => {
      writeFileSync(join(root, 'package-lock.json'), lock(wanted));
      mkdirSync(join(root, 'node_modules', 'a'), { recursive: true });
      writeFileSync(join(root, 'node_modules', '.package-lock.json'), lock(installed));
    };
    writeFileSync(join(root, 'package-lock.json'), lock({}));
    assert.equal(whatIsMissing(root).install, 'node_modules is missing');
    write({ 'node_modules/a': a }, { 'node_modules/a': a });
    assert.equal(whatIsMissing(root).install, null);
    write({ 'node_modules/a': { ...a, version: '1.1.0' } }, { 'node_modules/a': a });
    assert.equal(whatIsMissing(root).install, 'node_modules/a is 1.0.0, not 1.1.0');
    write({ 'node_modules/a': { ...a, integrity: 'y' } }, { 'node_modules/a': a });
    assert.match(whatIsMissing(root).install ?? '', /node_modules\/a/);
    write({ 'node_modules/b': a }, {});
    assert.equal(whatIsMissing(root).install, 'node_modules/b is missing');
    write({ 'node_modules/b': { ...a, optional: true } }, {});
    assert.equal(whatIsMissing(root).install, null, 'not for this platform');
    write({ 'node_modules/b': { ...a, dev: true } }, {});
    assert.equal(whatIsMissing(root).install, null, 'installed with --omit=dev and nothing to build');
    assert.equal(whatIsMissing(root, { development: true }).install, 'node_modules/b is missing');
  });

  test('never installs through a symbolic link', async (t) => {
    const { root, said, say } = checkout(t);
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/no-such-package': { version: '1.0.0' } } }),
    );
    await prepare(root, { say });
    assert.match(said[0] ?? '', /symbolic link: left alone/);
    assert.ok(existsSync(join(repository, 'node_modules', 'typescript')));
  });
});
