import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger } from '../../observability/logger.js';
import { dataOf, PortableWriter, usersOf } from '../../portable/document.js';
import type {
  PortableAccounts,
  PortableAccountsModule,
  PortableModule,
  PortablePart,
} from '../../portable/part.js';
import { COMPONENTS, CORE, compiledRoot, type ProcessEntry } from '../../settings/registry.js';
import { openStorage } from '../../storage/open.js';
import type { Storage } from '../../storage/storage.js';
import type { Element } from '../../xml/element.js';
import { type BareJid, parseJid } from '../../xmpp/jid.js';
import { type CommandContext, systemSettingsOf } from '../command.js';
import { CommandError, EXIT } from '../exit-codes.js';

/** The stores of the processes that have portable data, open. */
interface Portable {
  readonly accounts: PortableAccounts;
  readonly parts: readonly PortablePart[];
  close(): Promise<void>;
}

async function openPortable(environment: NodeJS.ProcessEnv, readOnly: boolean): Promise<Portable> {
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
    for (const entry of COMPONENTS) {
      const module = await moduleOf(entry);
      if (module === undefined) continue;
      const storage = await openFor(entry.name).catch((error: unknown) => {
        // To be read, a store must be there already; a component that never ran has none.
        if (readOnly) return undefined;
        throw error;
      });
      if (storage !== undefined) parts.push(...module.portableParts(storage));
    }
    return { accounts: await core.openPortableAccounts(coreStorage, environment), parts, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function moduleOf(entry: ProcessEntry): Promise<PortableModule | undefined> {
  const path = join(compiledRoot, entry.folder, 'portable.js');
  return existsSync(path) ? import(pathToFileURL(path).href) : undefined;
}

/**
 * `store export FILE`: every account with its data, as XEP-0227 describes; also while everything runs. `--for ejabberd`
 * encodes passwords as that server reads them (23.01: base64 of base64).
 */
export async function exportStore(
  { environment, options, print }: CommandContext,
  path: string,
): Promise<number> {
  const { for: reader } = options;
  if (reader !== undefined && reader !== 'ejabberd')
    throw new CommandError(EXIT.usage, '--for takes only ejabberd');
  const portable = await openPortable(environment, true);
  try {
    const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(
        error.code === 'EEXIST' ? EXIT.exists : EXIT.failed,
        `${path}: ${error.message}`,
      );
    });
    let count = 0;
    try {
      const writer = new PortableWriter(async (text) => {
        await file.write(text);
      });
      const accounts: BareJid[] = [];
      for await (const { account } of portable.accounts.list()) accounts.push(account);
      const byDomain = (account: string) => account.slice(account.indexOf('@') + 1);
      accounts.sort((a, b) => byDomain(a).localeCompare(byDomain(b)) || a.localeCompare(b));
      await writer.begin();
      for (const account of accounts) {
        const data = await portable.accounts.credentials(account, reader === 'ejabberd');
        for (const part of portable.parts) data.push(...(await part.export(account)));
        await writer.user(byDomain(account), account.slice(0, account.indexOf('@')), {}, data);
        count++;
      }
      await writer.end();
      await file.sync();
    } finally {
      await file.close();
    }
    print(`${path}: ${count} accounts. It holds what lets their owners log in: keep it safe.`);
    return EXIT.ok;
  } finally {
    await portable.close();
  }
}

/** `store import FILE`: accounts of another server; those that exist here already are left as they are. */
export async function importStore(
  { environment, print, printError }: CommandContext,
  path: string,
): Promise<number> {
  const portable = await openPortable(environment, false);
  const notes = new Map<string, number>();
  const note = (text: string): void => void notes.set(text, (notes.get(text) ?? 0) + 1);
  let imported = 0;
  try {
    for await (const found of usersOf(path)) {
      const account = parseJid(`${found.name}@${found.domain}`);
      if (account === null || account.local === '') {
        printError(`${found.name}@${found.domain}: not an address: left out`);
        continue;
      }
      if (!portable.accounts.domains.includes(account.domain)) {
        note(`${account.domain} is not one of XMPP_DOMAINS: its users were left out`);
        continue;
      }
      if (await portable.accounts.exists(account.bare)) {
        printError(`${account.bare}: exists already: left as it is`);
        continue;
      }
      for await (const element of dataOf(found)) {
        if (element.getName() === 'scram-credentials') continue;
        const taken = await firstToTake(portable.parts, account.bare, element);
        if (!taken)
          note(`<${element.getName()} xmlns='${element.getNS() ?? ''}'/> is not known here: left out`);
      }
      // Last, so that an import that was cut off is made good by another.
      const usable = await portable.accounts.create(account.bare, found.user);
      if (!usable) printError(`${account.bare}: no usable password: set one`);
      imported++;
    }
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new CommandError(EXIT.failed, `${error.message} (${imported} accounts imported before)`);
    throw error;
  } finally {
    await portable.close();
  }
  for (const [text, count] of notes) printError(`${text} (${count} times)`);
  print(`${path}: ${imported} accounts imported`);
  return EXIT.ok;
}

async function firstToTake(
  parts: readonly PortablePart[],
  account: BareJid,
  element: Element,
): Promise<boolean> {
  for (const part of parts) if (await part.import(account, element)) return true;
  return false;
}
