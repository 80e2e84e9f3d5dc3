// `npm run bench`: this server, Prosody and ejabberd in turn under the same load, interleaved and repeated; one table.
// The load generator is not part of this repository: LOAD_GENERATOR names its folder (default: ../shared/load beside the checkout).
// --control  this server twice, which shows what noise alone does
// --tls      the same with STARTTLS on all three
// --lone     rooms with one message in flight in each, nothing else
// Two things the generator cannot do have a program of their own; further words are its own:
// --login-storm  what messages feel of 200 log-ins a second      --bosh  requests over HTTP
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const given = (name) => words.includes(name);

/** Runs a program to its end, which becomes ours. */
function run(program, args, environment = {}) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  child.once('exit', (code) => process.exit(code ?? 1));
}

function runOwn(name) {
  const program = join(here, '../../../dist/test/bench', `${name}.js`);
  run(process.execPath, [program, ...words.filter((word) => word !== `--${name}`)]);
}

function loadFolder() {
  const load = resolve(process.env['LOAD_GENERATOR'] ?? join(here, '../../../../shared/load'));
  if (!existsSync(join(load, 'run.sh'))) {
    console.error(`no load generator in ${load}: set LOAD_GENERATOR to the folder that has its run.sh`);
    process.exit(2);
  }
  return load;
}

function runLoad() {
  const load = loadFolder();
  const tls = given('--tls');
  const ours = (name) => join(here, `${name}${tls ? '-tls' : ''}.env`);
  const servers = [
    ours('prosody'),
    ours('ejabberd'),
    // ours last: the ratio columns compare it with each of the others
    ...(given('--control') ? [ours('control')] : []),
    ours('entourage'),
  ];
  const args = [
    '--servers',
    servers.join(','),
    ...(given('--quick') || given('--full') ? [] : ['--full']),
    ...words.filter((word) => word !== '--control' && word !== '--tls'),
  ];
  run(join(load, 'run.sh'), args, { ENTOURAGE_BENCH: here });
}

if (given('--login-storm')) runOwn('login-storm');
else if (given('--bosh')) runOwn('bosh');
else if (given('--lone'))
  run(join(here, 'lone.sh'), [], { ENTOURAGE_BENCH: here, LOAD_FOLDER: loadFolder() });
else runLoad();
