import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CoreUnderTest, ProcessUnderTest } from './core-harness.js';

/** One of several bosh processes before the same core, each with a data folder of its own. */
export interface BoshInstance {
  readonly process: ProcessUnderTest;
  readonly name: string;
  readonly port: number;
  /** The port of HTTPS, where that is on; else NaN. */
  readonly tlsPort: number;
  /** Ends it, by SIGKILL if that is said, and removes its folder. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts an instance with that name (`BOSH_INSTANCE`). The secret is `between-us` unless settings say otherwise. */
export async function startInstance(
  core: CoreUnderTest,
  name: string,
  settings: Record<string, string> = {},
): Promise<BoshInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-bosh-'));
  const { host, port } = core.address('component');
  const process = new ProcessUnderTest('bosh', folder, {
    CORE_HOST: host,
    CORE_PORT: String(port),
    LISTEN_HOST: '127.0.0.1',
    LOG_LEVEL: 'debug',
    BOSH_SECRET: 'between-us',
    BOSH_INSTANCE: name,
    BOSH_PORT: 'auto',
    ...settings,
  });
  const stop = async (signal?: NodeJS.Signals) => {
    await process.stop(signal);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const addresses = await process.ready();
    const portOf = (listener: string) => Number(/:(\d+)$/.exec(addresses[listener] ?? '')?.[1]);
    return { process, name, port: portOf('http'), tlsPort: portOf('https'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
