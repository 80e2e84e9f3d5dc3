// Brings a checkout to where it can run: dependencies as package-lock.json says, dist as new as the sources.
// Plain JavaScript without dependencies, since it runs before there are any. Quiet and quick when nothing is to do.
// Safe when several run at once: one works, the others wait for it.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SOURCE_FOLDERS = ['core-server', 'components', 'shared', 'test'];
const LOCK_WAIT_MILLISECONDS = 600_000;

/** What is missing in `root`: `install` and `build` are reasons in words, null where nothing is to do. */
export function whatIsMissing(root, { development = false } = {}) {
  const build = whyBuild(root);
  const install = whyInstall(root, development || build !== null);
  return { install, build };
}

/** Why `npm ci` must run: the lock file against the one npm writes beside what it installed. */
function whyInstall(root, development) {
  const lockPath = join(root, 'package-lock.json');
  if (!existsSync(lockPath)) return null; // Installed as a package: npm has done it.
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return 'node_modules is missing';
  const wanted = JSON.parse(readFileSync(lockPath, 'utf8')).packages ?? {};
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages ?? {};
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const have = installed[path];
    if (have === undefined) {
      // Not for this platform, or left out by `--omit=dev` where nothing needs building.
      if (entry.optional || entry.devOptional || (entry.dev && !development)) continue;
      return `${path} is missing`;
    }
    if (have.version !== entry.version || have.integrity !== entry.integrity) {
      return `${path} is ${have.version}, not ${entry.version}`;
    }
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  return null;
}

/** Why tsc must run: a source newer than the last build, without output, or output without its source. */
function whyBuild(root) {
  if (!existsSync(join(root, 'tsconfig.json'))) return null; // A package or image without sources.
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesUnder(join(root, folder)));
  if (sources.length === 0) return null;
  const stamp = join(root, 'dist', '.prepared');
  if (!existsSync(stamp)) return 'nothing is built yet';
  const builtAt = statSync(stamp).mtimeMs;
  for (const source of [...sources, join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) {
    if (existsSync(source) && statSync(source).mtimeMs > builtAt) return `${relative(root, source)} is newer`;
  }
  for (const source of sources) {
    if (!existsSync(outputOf(root, source))) return `${relative(root, source)} has no output`;
  }
  const [orphan] = orphans(root, sources);
  return orphan === undefined ? null : `${relative(root, orphan)} has no source any more`;
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes(`${join('/', 'node_modules', '/')}`));
}

function outputOf(root, source) {
  return join(root, 'dist', relative(root, source).replace(/\.ts$/, '.js'));
}

/** Compiled files whose source is gone: old tests among them would still be found and run. */
function orphans(root, sources) {
  const outputs = new Set(sources.map((source) => outputOf(root, source)));
  return SOURCE_FOLDERS.flatMap((folder) => {
    const built = join(root, 'dist', folder);
    if (!existsSync(built)) return [];
    return readdirSync(built, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .filter((path) => !outputs.has(path));
  });
}

/**
 * Installs and builds what is missing. Throws an Error whose message is for people.
 * `development` also asks for the development dependencies (linter, test tools).
 */
export async function prepare(root, { development = false, say = (line) => console.error(line) } = {}) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    throw new Error(`Node.js 20.20 or newer is needed; this is ${process.versions.node}`);
  }
  const missing = whatIsMissing(root, { development });
  if (missing.install === null && missing.build === null) return false;
  const release = await lock(root);
  try {
    // Another process may have done it meanwhile.
    const { install, build } = whatIsMissing(root, { development });
    if (install !== null) installDependencies(root, install, say);
    if (build !== null) buildSources(root, say);
  } finally {
    release();
  }
  return true;
}

function installDependencies(root, why, say) {
  const folder = join(root, 'node_modules');
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) {
    // `npm ci` would empty a folder that others use.
    say(`dependencies are out of date (${why}), but node_modules is a symbolic link: left alone`);
    return;
  }
  say(`installing dependencies (${why})`);
  // What the lock file names never changes: npm need not ask whether its cache is still right, which without a network takes
  // it minutes.
  run(root, 'npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
}

function buildSources(root, say) {
  const startedAt = new Date();
  const dist = join(root, 'dist');
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesUnder(join(root, folder)));
  for (const orphan of orphans(root, sources)) {
    rmSync(orphan, { force: true });
    rmSync(`${orphan}.map`, { force: true });
  }
  // The incremental state trusts that what it wrote is still there.
  const state = join(dist, '.tsbuildinfo');
  if (existsSync(state) && sources.some((source) => !existsSync(outputOf(root, source))))
    rmSync(state, { force: true });
  say('building');
  run(
    root,
    process.execPath,
    [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'],
    'tsc',
  );
  const stamp = join(dist, '.prepared');
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt); // An edit made while tsc ran is newer than the stamp.
}

function run(root, command, args, name) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    shell: false,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  if (error) throw new Error(`${name} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`.trimEnd());
}

/** Takes the lock of this checkout; resolves with its release. The lock of a process that is gone does not count. */
async function lock(root) {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const path = join(root, 'dist', '.prepare.lock');
  const deadline = Date.now() + LOCK_WAIT_MILLISECONDS;
  for (;;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (ownerIsGone(path)) rmSync(path, { force: true });
    else if (Date.now() > deadline) throw new Error(`another preparation does not end (${path})`);
    else await sleep(100);
  }
}

function ownerIsGone(path) {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    // Just created and not written yet: its owner is there, unless that was long ago.
    if (!(owner > 0)) return Date.now() - statSync(path).mtimeMs > 5_000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  try {
    await prepare(root, { development: process.argv.includes('--development') });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
