// Runs what `npm test` runs: the linter, the check of generated documents, then every test under dist/test but the
// long ones. `npm test -- WORD…` takes only test files whose path contains a word. ENTOURAGE_CI=1: a skip is a failure.
// `--long`: the long ones instead, one after the other, in their short modes; in full with ENTOURAGE_LONG=full (`npm run long`).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const strict = process.env['ENTOURAGE_CI'] === '1';
const args = process.argv.slice(2);
const long = args.includes('--long');
const words = args.filter((arg) => !arg.startsWith('--'));
// It takes a few minutes; these only end what hangs, also on a slow machine.
const full = process.env['ENTOURAGE_LONG'] === 'full';
const WHOLE_RUN_MILLISECONDS = (full ? 180 : long ? 30 : 15) * 60_000;
const ONE_FILE_MILLISECONDS = (full ? 60 : long ? 12 : 4) * 60_000;

/** Runs one tool of the checkout; resolves with its exit code. */
function tool(name, script, ...toolArgs) {
  return new Promise((resolve, reject) => {
    console.log(`# ${name}`);
    const child = spawn(process.execPath, [join(root, script), ...toolArgs], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function testFiles() {
  const folder = join(root, 'dist', 'test');
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.test.js'))
    .filter((path) => path.startsWith('long/') === long)
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .sort((a, b) => turn(a).localeCompare(turn(b)))
    .map((path) => join(folder, path));
}

/**
 * Where a file stands in the run: the short ones last, that none of the long is left alone at the end; and neighbours in a
 * folder, which want the same of the machine (to compute, or to wait for a foreign server), apart from each other.
 */
function turn(path) {
  const last = path.startsWith('unit/') ? 1 : 0;
  return `${last} ${createHash('sha256').update(path).digest('hex')}`;
}

/** The place of a test in its source, for people. */
function place(data) {
  return data.file === undefined
    ? ''
    : ` (${relative(join(root, 'dist'), data.file).replace(/\.js$/, '.ts')})`;
}

/** Half of the time a file waits for a process to start or a clock to pass: two for each of two cores. */
const BESIDE_EACH_OTHER = Math.max(4, availableParallelism());

/** Runs test files; says what failed and was skipped, and resolves with it. */
async function runTests(files, concurrency = long ? 1 : BESIDE_EACH_OTHER) {
  const failures = [];
  const skips = [];
  const summary = [];
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // one for each file
  const timer = setTimeout(() => abort.abort(), WHOLE_RUN_MILLISECONDS);
  const stream = run({
    files,
    concurrency,
    timeout: ONE_FILE_MILLISECONDS,
    signal: abort.signal,
  });
  const fileOf = (data) => data.file ?? data.name;
  for await (const { type, data } of stream) {
    if (type === 'test:stderr' || type === 'test:stdout') process.stderr.write(data.message);
    else if (type === 'test:fail') {
      const cause = data.details.error?.cause ?? data.details.error;
      // A file or suite fails because of what is in it, which was reported by itself.
      if (data.details.error?.failureType === 'subtestsFailed') continue;
      failures.push(data);
      console.log(`not ok - ${data.name}${place(data)}\n${indent(cause?.stack ?? String(cause))}`);
    } else if (type === 'test:pass') {
      if (data.skip !== undefined) skips.push({ name: data.name, why: data.skip, file: fileOf(data) });
      else if (data.nesting === 0)
        console.log(`ok - ${data.name} (${Math.round(data.details.duration_ms)} ms)`);
    } else if (
      type === 'test:diagnostic' &&
      data.nesting === 0 &&
      /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)
    ) {
      summary.push(`# ${data.message}`);
    }
  }
  clearTimeout(timer);
  if (abort.signal.aborted) {
    failures.push({});
    console.log(`not ok - the whole run took more than ${WHOLE_RUN_MILLISECONDS / 60_000} minutes`);
  }
  if (failures.length > 0) {
    console.log('\nfailed:');
    for (const failure of failures) console.log(`  ${failure.name ?? 'the whole run'}${place(failure)}`);
  }
  if (skips.length > 0) {
    console.log('\nskipped:');
    const lines = skips.map(
      ({ name, why }) => `  ${name}${typeof why === 'string' && why !== '' ? `: ${why}` : ''}`,
    );
    for (const line of new Set(lines)) console.log(line);
    if (strict) console.log('a skip is a failure here (ENTOURAGE_CI=1)');
  }
  console.log(`\n${summary.join('\n')}`);
  return { failures, skipped: strict && skips.length > 0 };
}

/** More than so many files with failures are no accident. */
const SECOND_LOOK_FILES = 5;

/**
 * A machine that is busy with something else can starve a test until one of its waits ends. The few files that failed are
 * run once more, one after the other: what fails again has failed, what passes is named, so that it is looked into.
 */
async function secondLook(failures) {
  const files = [...new Set(failures.map((failure) => failure.file))];
  if (files.length > SECOND_LOOK_FILES || files.some((file) => file === undefined)) return false;
  console.log('\n# once more, one after the other');
  const { failures: again, skipped } = await runTests(files, 1);
  if (again.length > 0 || skipped) return false;
  console.log('\npassed alone, failed beside others:');
  for (const failure of failures) console.log(`  ${failure.name}${place(failure)}`);
  return true;
}

function indent(text) {
  return text.replace(/^/gm, '    ');
}

let ok = true;
if (words.length === 0 && !long) {
  const docs = 'dist/shared/cli/generate-docs.js';
  ok = (await tool('lint', 'node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.')) === 0;
  if (existsSync(join(root, docs))) ok = (await tool('generated documents', docs, '--check')) === 0 && ok;
}
const files = testFiles();
if (files.length === 0) {
  console.log('no test file matches');
  ok = false;
} else {
  const { failures, skipped } = await runTests(files);
  ok = !skipped && (failures.length === 0 || (await secondLook(failures))) && ok;
}
process.exit(ok ? 0 : 1);
