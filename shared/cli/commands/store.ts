import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createLogger } from '../../observability/logger.js';
import { copyStore } from '../../storage/copy.js';
import { openStorage, parseStorageUrl } from '../../storage/open.js';
import { StorageError } from '../../storage/storage.js';
import { type Command, type CommandContext, systemSettingsOf, table } from '../command.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { exportStore } from './portable-export.js';
import { importStore } from './portable-import.js';

const COPY_EXITS: Readonly<Record<string, number>> = { conflict: EXIT.exists, unavailable: EXIT.notFound };
/** Folders beside the stores that a deployment cannot do without. */
const KEPT_FOLDERS = ['secrets', 'tls'];

/** `entourage store …`: the data as a whole. */
export const storeCommand: Command = {
  name: 'store',
  usage:
    'store backup FOLDER\n' +
    'store copy FROM TO [--json]\n' +
    'store export PATH [--for prosody|ejabberd] [--only rooms,vcard,pep,…] [--over]\n' +
    'store import PATH [--only rooms,vcard,pep,…] [--json]',
  summary:
    'move all data between stores, back it up while everything runs, move accounts and rooms (XEP-0227, Prosody, ejabberd)',
  options: { for: { type: 'string' }, only: { type: 'string' }, over: { type: 'boolean' } },
  async run(context) {
    const [verb, ...words] = context.words;
    if (verb === 'backup' && words[0] !== undefined && words.length === 1) return backup(context, words[0]);
    const [from, to] = words;
    if (verb === 'copy' && from !== undefined && to !== undefined && words.length === 2)
      return copy(context, from, to);
    if (verb === 'export' && words[0] !== undefined && words.length === 1)
      return exportStore(context, words[0]);
    if (verb === 'import' && words[0] !== undefined && words.length === 1)
      return importStore(context, words[0]);
    throw new CommandError(
      EXIT.usage,
      'expected store backup FOLDER, copy FROM TO, export PATH or import PATH (`entourage help store`)',
    );
  },
};

/**
 * A consistent copy of each process's store, and of the secrets and certificates made under the data folder, into a
 * folder that `STORAGE_URL=lmdb:FOLDER` opens as it is.
 */
async function backup({ environment, json, print }: CommandContext, target: string): Promise<number> {
  const settings = systemSettingsOf(environment);
  const location = parseStorageUrl(settings.STORAGE_URL);
  if (location.driver !== 'lmdb') {
    throw new CommandError(
      EXIT.failed,
      'the store is a database server: back it up with its own tools (mongodump)',
    );
  }
  const folder = resolve(target);
  const processes = storesIn(location.folder);
  if (processes.length === 0) throw new CommandError(EXIT.notFound, `no store in ${location.folder}`);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CommandError(EXIT.exists, `${folder} is not empty`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = createLogger({ process: 'store', level: 'warn' });
  for (const process of processes) {
    const storage = await openStorage(settings.STORAGE_URL, { process, log, readOnly: true });
    try {
      await storage.backup(folder);
    } finally {
      await storage.close();
    }
  }
  const kept = KEPT_FOLDERS.filter((name) => existsSync(join(settings.DATA_DIR, name)));
  for (const name of kept) cpSync(join(settings.DATA_DIR, name), join(folder, name), { recursive: true });
  if (json) print(JSON.stringify({ folder, processes, kept }, null, 2));
  else
    print(`${folder}: the stores of ${processes.join(', ')}${kept.length > 0 ? `; ${kept.join(', ')}` : ''}`);
  return EXIT.ok;
}

/** Every collection of every process from one store to another, verified by counting and checksums. */
async function copy({ json, print }: CommandContext, from: string, to: string): Promise<number> {
  const log = createLogger({ process: 'store', level: 'warn' });
  try {
    const reports = await copyStore(from, to, { log });
    if (json) print(JSON.stringify(reports, null, 2));
    else {
      print(
        table([
          ['PROCESS', 'COLLECTION', 'RECORDS', 'SHA-256'],
          ...reports.map(({ process, collection, records, checksum }) => [
            process,
            collection,
            String(records),
            checksum,
          ]),
        ]),
      );
    }
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new CommandError(COPY_EXITS[error.code] ?? EXIT.failed, error.message);
  }
}

/** The processes that have a store below an embedded store's folder. */
function storesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'data.mdb')))
    .sort();
}
