import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger } from '../../observability/logger.js';
import type {
  PortableAccounts,
  PortableAccountsModule,
  PortableModule,
  PortablePart,
} from '../../portable/part.js';
import type { PortableRooms, PortableRoomsModule } from '../../portable/rooms.js';
import { COMPONENTS, CORE, compiledRoot, type ProcessEntry } from '../../settings/registry.js';
import { openStorage } from '../../storage/open.js';
import type { Storage } from '../../storage/storage.js';
import { systemSettingsOf } from '../command.js';
import { CommandError, EXIT } from '../exit-codes.js';

/** The stores of the processes that have portable data, open. */
export interface PortableStores {
  readonly accounts: PortableAccounts;
  readonly parts: readonly PortablePart[];
  /** Undefined where there is no muc. */
  readonly rooms: PortableRooms | undefined;
  close(): Promise<void>;
}

/** Opens them; to be written, nothing that serves them may run. */
export async function openPortable(
  environment: NodeJS.ProcessEnv,
  readOnly: boolean,
): Promise<PortableStores> {
  const core = (await moduleOf(CORE)) as PortableAccountsModule | undefined;
  if (core === undefined) throw new CommandError(EXIT.failed, 'the core server is not installed here');
  const { STORAGE_URL: url } = systemSettingsOf(environment, 'core');
  const log = createLogger({ process: 'store', level: 'warn' });
  const storages: Storage[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(storages.map((storage) => storage.close()));
  };
  try {
    const openFor = async (name: string): Promise<Storage> => {
      const storage = await openStorage(url, { process: name, log, readOnly });
      storages.push(storage);
      return storage;
    };
    const coreStorage = await openFor(CORE.name);
    const parts = [...core.portableParts(coreStorage)];
    let rooms: PortableRooms | undefined;
    for (const entry of COMPONENTS) {
      const module = await moduleOf(entry);
      if (module === undefined) continue;
      const storage = await openFor(entry.name).catch((error: unknown) => {
        // To be read, a store must be there already; a component that never ran has none.
        if (readOnly) return undefined;
        throw error;
      });
      if (storage === undefined) continue;
      parts.push(...module.portableParts(storage));
      rooms ??= module.openPortableRooms?.(storage, environment);
    }
    return { accounts: await core.openPortableAccounts(coreStorage, environment), parts, rooms, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function moduleOf(
  entry: ProcessEntry,
): Promise<(PortableModule & Partial<PortableRoomsModule>) | undefined> {
  const path = join(compiledRoot, entry.folder, 'portable.js');
  return existsSync(path) ? import(pathToFileURL(path).href) : undefined;
}

/** What `--only` may name. */
const WORDS = ['roster', 'messages', 'private', 'vcard', 'pep', 'privacy', 'rooms'];

/** The kinds of data that `--only` names, or null for everything. */
export function chosenParts(only: string | boolean | undefined): ReadonlySet<string> | null {
  if (typeof only !== 'string') return null;
  const words = only.split(',').map((word) => word.trim());
  for (const word of words) {
    if (!WORDS.includes(word))
      throw new CommandError(EXIT.usage, `--only takes ${WORDS.join(', ')}; not ${word}`);
  }
  return new Set(words);
}
