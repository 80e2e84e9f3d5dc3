// `npm run bench`: this server, Prosody and ejabberd in turn under the same load, interleaved and repeated; one table.
// The load generator is not part of this repository: LOAD_GENERATOR names its folder (default: ../shared/load beside the checkout).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const load = resolve(process.env['LOAD_GENERATOR'] ?? join(here, '../../../../shared/load'));
if (!existsSync(join(load, 'run.sh'))) {
  console.error(`no load generator in ${load}: set LOAD_GENERATOR to the folder that has its run.sh`);
  process.exit(2);
}
const words = process.argv.slice(2);
const given = (name) => words.includes(name);
const args = [
  '--servers',
  // ours last: the ratio columns compare it with each of the others; twice with --control, for what noise alone does
  [
    'prosody',
    'ejabberd',
    ...(given('--control') ? [join(here, 'control.env')] : []),
    join(here, 'entourage.env'),
  ].join(','),
  ...(given('--quick') || given('--full') ? [] : ['--full']),
  ...words.filter((word) => word !== '--control'),
];
const child = spawn(join(load, 'run.sh'), args, {
  stdio: 'inherit',
  env: { ...process.env, ENTOURAGE_BENCH: here },
});
child.once('exit', (code) => process.exit(code ?? 1));
