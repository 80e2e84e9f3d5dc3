import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledRoot } from '../settings/registry.js';
import { CommandError, EXIT } from './exit-codes.js';

/** The accounts of a store that no core has open. */
interface OfflineAccounts {
  /** Runs one control command (`user.add`) as the core would. */
  run(command: string, args: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): Promise<void>;
}

/** What the core server's `accounts/offline.js` exports; loaded by its path, since `shared` imports no process. */
interface OfflineModule {
  openOfflineAccounts(environment: NodeJS.ProcessEnv): Promise<OfflineAccounts>;
}

/** Opens the core's store, under its lock, to manage accounts without a core. */
export async function openOffline(environment: NodeJS.ProcessEnv): Promise<OfflineAccounts> {
  const path = join(compiledRoot, 'core-server', 'accounts', 'offline.js');
  if (!existsSync(path))
    throw new CommandError(EXIT.failed, 'the core server is not installed here, and none runs');
  const module: OfflineModule = await import(pathToFileURL(path).href);
  return module.openOfflineAccounts(environment);
}
