import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ForeignProcess, freePort, runToEnd } from './foreign/programs.js';

/** A PostgreSQL server on the loopback that trusts everybody and keeps nothing. */
export interface Postgres {
  readonly port: number;
  readonly user: string;
  /** Runs a file of SQL in a new database. */
  createDatabase(name: string, sql: string): Promise<void>;
  stop(): Promise<void>;
}

const INSTALLED = '/usr/lib/postgresql';

/** Starts one; undefined where it is not installed. It refuses to run as root: then it runs as `postgres`. */
export async function startPostgres(): Promise<Postgres | undefined> {
  const [version] = existsSync(INSTALLED) ? readdirSync(INSTALLED).sort().reverse() : [];
  if (version === undefined) return undefined;
  const programs = join(INSTALLED, version, 'bin');
  if (!existsSync(join(programs, 'initdb'))) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const isRoot = userInfo().uid === 0;
  if (isRoot) {
    // The package's own files tell which user it made.
    const owner = statSync('/var/lib/postgresql');
    chownSync(folder, owner.uid, owner.gid);
  }
  const user = isRoot ? 'postgres' : userInfo().username;
  const as = (program: string, ...args: string[]): [string, string[]] => {
    const path = join(programs, program);
    return isRoot
      ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', path, ...args]]
      : [path, args];
  };
  const run = (program: string, ...args: string[]): Promise<string> => runToEnd(...as(program, ...args));
  const data = join(folder, 'data');
  await run(
    'initdb',
    '--pgdata',
    data,
    '--auth=trust',
    '--username',
    user,
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  );
  const port = await freePort();
  const options = [
    'fsync=off',
    'synchronous_commit=off',
    'full_page_writes=off',
    'max_connections=20',
    'shared_buffers=16MB',
  ];
  const server = new ForeignProcess('PostgreSQL', '127.0.0.1', [port], () =>
    spawn(
      ...as(
        'postgres',
        '-D',
        data,
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-k',
        folder,
        ...options.flatMap((option) => ['-c', option]),
      ),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    ),
  );
  const stop = async (): Promise<void> => {
    // "fast": it ends its clients' connections
    await server.kill('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await server.start();
    // It takes connections a moment before it serves them.
    await server.said(/ready to accept connections/);
  } catch (error) {
    await stop();
    throw error;
  }
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', user];
  return {
    port,
    user,
    async createDatabase(name, sql) {
      await run('createdb', ...where, name);
      await run('psql', ...where, '-q', '-v', 'ON_ERROR_STOP=1', '-f', sql, name);
    },
    stop,
  };
}
