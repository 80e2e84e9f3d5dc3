import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PortableWriter } from '../../portable/document.js';
import { ejabberdRoom, ROOMS_HEAD } from '../../portable/ejabberd-write.js';
import { ProsodyWriter } from '../../portable/prosody-write.js';
import type { PortableRoom } from '../../portable/rooms.js';
import type { Element } from '../../xml/element.js';
import type { BareJid } from '../../xmpp/jid.js';
import type { CommandContext } from '../command.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { chosenParts, openPortable, type PortableStores } from './portable-stores.js';

/** Its import of XEP-0227 knows neither nodes, which it takes from Prosody's files, nor rooms, for which it has a dump. */
const EJABBERD = { accounts: 'accounts.xml', folder: 'nodes', rooms: 'rooms.txt', parts: new Set(['pep']) };

interface Selection {
  /** Null: everything. */
  readonly only: ReadonlySet<string> | null;
  /** Passwords encoded as ejabberd (23.01) reads them: base64 of base64. */
  readonly twice: boolean;
}

/**
 * `store export PATH`, also while everything runs: every account with its data, as one file of XEP-0227;
 * `--for prosody` as a data folder of Prosody's, rooms among them (`--over`: in one that has data); `--for ejabberd` as a folder with a file for its
 * `import_piefxis`, a folder for its `import_prosody` (nodes) and a file for its `load` (rooms).
 */
export async function exportStore(context: CommandContext, path: string): Promise<number> {
  const { environment, options, print } = context;
  const { for: reader } = options;
  const only = chosenParts(options['only']);
  if (reader !== undefined && reader !== 'ejabberd' && reader !== 'prosody')
    throw new CommandError(EXIT.usage, '--for takes prosody or ejabberd');
  const stores = await openPortable(environment, true);
  try {
    let accounts: number;
    let rooms = 0;
    if (reader === 'prosody') {
      if (options['over'] !== true) newFolder(path);
      accounts = await writeFolder(stores, path, { only, twice: false });
      const writer = new ProsodyWriter(path);
      rooms = await eachRoom(stores, only, (room) => writer.room(room));
      writer.end();
    } else if (reader === 'ejabberd') {
      newFolder(path);
      accounts = await writeDocument(stores, join(path, EJABBERD.accounts), { only, twice: true });
      const folder = join(path, EJABBERD.folder);
      const rest =
        only === null ? EJABBERD.parts : new Set([...EJABBERD.parts].filter((part) => only.has(part)));
      await writeFolder(stores, folder, { only: rest, twice: false });
      const lines = [ROOMS_HEAD];
      rooms = await eachRoom(stores, only, (room) => void lines.push(ejabberdRoom(room)));
      writeFileSync(join(path, EJABBERD.rooms), lines.join(''), { mode: 0o600 });
    } else accounts = await writeDocument(stores, path, { only, twice: false });
    const more = reader === undefined ? '' : `, ${rooms} rooms`;
    print(`${path}: ${accounts} accounts${more}. It holds what lets their owners log in: keep it safe.`);
    return EXIT.ok;
  } finally {
    await stores.close();
  }
}

function newFolder(path: string): void {
  if (existsSync(path) && readdirSync(path).length > 0)
    throw new CommandError(EXIT.exists, `${path} is not empty`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

const domainOf = (account: string): string => account.slice(account.indexOf('@') + 1);
const nameOf = (account: string): string => account.slice(0, account.indexOf('@'));

/** The accounts; of a part of the data, all who have some: a component may serve the accounts of another server. */
async function accountsOf(stores: PortableStores, only: ReadonlySet<string> | null): Promise<BareJid[]> {
  const accounts = new Set<BareJid>();
  if (only === null) {
    for await (const { account } of stores.accounts.list()) accounts.add(account);
  } else {
    for (const part of stores.parts.filter(({ name }) => only.has(name)))
      for await (const owner of part.owners()) if (owner.includes('@')) accounts.add(owner as BareJid);
  }
  return [...accounts].sort((a, b) => domainOf(a).localeCompare(domainOf(b)) || a.localeCompare(b));
}

async function dataOfAccount(
  stores: PortableStores,
  account: BareJid,
  { only, twice }: Selection,
): Promise<Element[]> {
  const data = only === null ? await stores.accounts.credentials(account, twice) : [];
  for (const part of stores.parts)
    if (only === null || only.has(part.name)) data.push(...(await part.export(account)));
  return data;
}

async function writeDocument(stores: PortableStores, path: string, selection: Selection): Promise<number> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    const code = error.code === 'EEXIST' ? EXIT.exists : EXIT.failed;
    throw new CommandError(code, `${path}: ${error.message}`);
  });
  try {
    const writer = new PortableWriter(async (text) => {
      await file.write(text);
    });
    const accounts = await accountsOf(stores, selection.only);
    await writer.begin();
    for (const account of accounts)
      await writer.user(
        domainOf(account),
        nameOf(account),
        {},
        await dataOfAccount(stores, account, selection),
      );
    await writer.end();
    await file.sync();
    return accounts.length;
  } finally {
    await file.close();
  }
}

async function writeFolder(stores: PortableStores, path: string, selection: Selection): Promise<number> {
  const writer = new ProsodyWriter(path);
  const accounts = await accountsOf(stores, selection.only);
  for (const account of accounts)
    writer.user(domainOf(account), nameOf(account), await dataOfAccount(stores, account, selection));
  return accounts.length;
}

/** Resolves with how many there were. */
async function eachRoom(
  { rooms }: PortableStores,
  only: ReadonlySet<string> | null,
  write: (room: PortableRoom) => void,
): Promise<number> {
  if (rooms === undefined || only?.has('rooms') === false) return 0;
  let count = 0;
  for await (const room of rooms.list()) {
    write(room);
    count++;
  }
  return count;
}
