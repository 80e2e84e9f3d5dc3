import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// From dist/test/tools/ferretdb, where this runs, to the sources.
const SOURCES = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'tools', 'ferretdb');

/** A server of the MongoDB protocol for a test, or the reason why there is none. */
export type TestServer =
  | { readonly skip: string }
  | {
      readonly skip?: undefined;
      readonly url: string;
      readonly server: FerretDb | undefined;
      stop(): Promise<void>;
    };

/**
 * MONGODB_TEST_URL if it is set; else FerretDB, if it was built (`test/tools/ferretdb/build.sh`) or
 * ENTOURAGE_TEST_FERRETDB=build asks for it.
 */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env['MONGODB_TEST_URL'];
  if (given !== undefined && given !== '') {
    return { url: given, server: undefined, stop: async () => {} };
  }
  const binary = ferretBinary();
  if (typeof binary !== 'string') return binary;
  const server = new FerretDb(binary);
  await server.start();
  return { url: server.url, server, stop: () => server.destroy() };
}

function ferretBinary(): string | { skip: string } {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(SOURCES, file)));
  const cache = process.env['ENTOURAGE_CACHE'] ?? join(tmpdir(), 'entourage-cache');
  const binary = join(cache, `ferretdb-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(binary)) return binary;
  if (process.env['ENTOURAGE_TEST_FERRETDB'] !== 'build') {
    return { skip: 'no MongoDB: set MONGODB_TEST_URL, or build FerretDB with test/tools/ferretdb/build.sh' };
  }
  const built = spawnSync(join(SOURCES, 'build.sh'), { encoding: 'utf8', timeout: 600_000 });
  if (built.status === 0) return built.stdout.trim();
  return {
    skip: `FerretDB cannot be built: ${built.stderr.trim().split('\n').at(-1) ?? built.error?.message}`,
  };
}

/** FerretDB on a folder of its own, which outlives its restarts. */
class FerretDb {
  readonly #binary: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'entourage-ferretdb-'));
  #port = 0;
  #process: ChildProcess | undefined;

  constructor(binary: string) {
    this.#binary = binary;
  }

  get url(): string {
    return `mongodb://127.0.0.1:${this.#port}/entourage`;
  }

  /** Starts it, on the same port as before if it ran before. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const child = spawn(this.#binary, [`127.0.0.1:${this.#port}`, this.#folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000);
    });
    const lines = createInterface({ input: child.stdout });
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    try {
      await Promise.race([
        once(lines, 'line'),
        once(child, 'exit').then(() => {
          throw new Error(`FerretDB ended: ${errors}`);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async destroy(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
