import { existsSync } from 'node:fs';
import { dataOf, type PortableUser } from '../../portable/document.js';
import type { PortablePart } from '../../portable/part.js';
import type { PortableRoom } from '../../portable/rooms.js';
import { openSource, type PortableSource } from '../../portable/source.js';
import type { Element } from '../../xml/element.js';
import { type BareJid, parseJid } from '../../xmpp/jid.js';
import type { CommandContext } from '../command.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { chosenParts, openPortable, type PortableStores } from './portable-stores.js';

/**
 * `store import PATH`, stopped: what another server had. Accounts that exist here already are left as they are; with
 * `--only`, and from a dump of ejabberd's, no accounts are made, and what an account has already is left as it is.
 */
export async function importStore(context: CommandContext, path: string): Promise<number> {
  const only = chosenParts(context.options['only']);
  if (!existsSync(path)) throw new CommandError(EXIT.failed, `${path}: there is no such file or folder`);
  const stores = await openPortable(context.environment, false);
  const import_ = new Import(stores, only, context.printError);
  try {
    await import_.run(openSource(path));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new CommandError(
        EXIT.failed,
        `${error.message}: this is not (only) XEP-0227, a data folder of Prosody's or a dump of ejabberd's ` +
          `(${import_.accounts} accounts imported before)`,
      );
    throw error;
  } finally {
    await stores.close();
  }
  import_.report(path, context.print);
  return EXIT.ok;
}

class Import {
  readonly #stores: PortableStores;
  #only: ReadonlySet<string> | null;
  readonly #printError: (text: string) => void;
  readonly #notes = new Map<string, number>();
  accounts = 0;
  rooms = 0;

  constructor(stores: PortableStores, only: ReadonlySet<string> | null, printError: (text: string) => void) {
    this.#stores = stores;
    this.#only = only;
    this.#printError = printError;
  }

  #note(text: string): void {
    this.#notes.set(text, (this.#notes.get(text) ?? 0) + 1);
  }

  async run(source: PortableSource): Promise<void> {
    this.#only ??= source.only;
    const dataOnly = this.#only !== null;
    for await (const found of source.users) {
      const account = parseJid(`${found.name}@${found.domain}`);
      if (account === null || account.local === '')
        this.#printError(`${found.name}@${found.domain}: not an address: left out`);
      else if (!this.#stores.accounts.domains.includes(account.domain))
        this.#note(`${account.domain} is not one of XMPP_DOMAINS: its users were left out`);
      else if (dataOnly) await this.#addData(account.bare, found);
      else if (await this.#stores.accounts.exists(account.bare))
        this.#printError(`${account.bare}: exists already: left as it is`);
      else await this.#makeAccount(account.bare, found);
    }
    if (this.#only === null || this.#only.has('rooms'))
      for (const room of source.rooms) await this.#addRoom(room);
  }

  async #makeAccount(account: BareJid, found: PortableUser): Promise<void> {
    for await (const element of dataOf(found)) {
      if (element.getName() === 'scram-credentials') continue;
      if (!(await firstToTake(this.#stores.parts, account, element)))
        this.#note(`<${element.getName()} xmlns='${element.getNS() ?? ''}'/> is not known here: left out`);
    }
    // Last, so that an import that was cut off is made good by another.
    const usable = await this.#stores.accounts.create(account, found.user);
    if (!usable) this.#printError(`${account}: no usable password: set one`);
    this.accounts++;
  }

  async #addData(account: BareJid, found: PortableUser): Promise<void> {
    const parts: PortablePart[] = [];
    const held: PortablePart[] = [];
    for (const part of this.#stores.parts) {
      if (this.#only !== null && !this.#only.has(part.name)) continue;
      const own = await part.export(account);
      (own.length > 0 ? held : parts).push(part);
    }
    let taken = false;
    for await (const element of dataOf(found)) if (await firstToTake(parts, account, element)) taken = true;
    if (taken) this.accounts++;
    for (const { name } of held) this.#printError(`${account}: has ${name} already: left as it is`);
  }

  async #addRoom(room: PortableRoom): Promise<void> {
    const { rooms } = this.#stores;
    const jid = `${room.name}@${room.domain}`;
    if (rooms === undefined) this.#note('no muc is installed here: rooms were left out');
    else if (room.domain !== rooms.domain)
      this.#note(`${room.domain} is not MUC_DOMAIN (${rooms.domain}): its rooms were left out`);
    else if (await rooms.create(room)) this.rooms++;
    else this.#printError(`${jid}: exists already, or is no address: left as it is`);
  }

  report(path: string, print: (text: string) => void): void {
    for (const [text, count] of this.#notes) this.#printError(`${text} (${count} times)`);
    const rooms = this.rooms === 0 ? '' : `, ${this.rooms} rooms`;
    print(`${path}: ${this.accounts} accounts${rooms} imported`);
  }
}

async function firstToTake(
  parts: readonly PortablePart[],
  account: BareJid,
  element: Element,
): Promise<boolean> {
  for (const part of parts) if (await part.import(account, element)) return true;
  return false;
}
