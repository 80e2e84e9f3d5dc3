import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type PortableUser, usersOf } from './document.js';
import { isEjabberdDump, readEjabberdDump } from './ejabberd-dump.js';
import { isProsodyFolder, prosodyRooms, prosodyUsers } from './prosody-read.js';
import type { PortableRoom } from './rooms.js';

/** What somebody else's server has left for us. */
export interface PortableSource {
  readonly users: AsyncIterable<PortableUser> | Iterable<PortableUser>;
  readonly rooms: Iterable<PortableRoom>;
  /** All that it is about, where it says nothing of accounts but only more of what belongs to them. */
  readonly only: ReadonlySet<string> | null;
}

const EJABBERD_DUMP: ReadonlySet<string> = new Set(['pep', 'rooms']);

/** A portable document (XEP-0227), Prosody's data folder, or a text dump of ejabberd's database. @throws SyntaxError */
export function openSource(path: string): PortableSource {
  if (statSync(path).isDirectory()) {
    if (!isProsodyFolder(path)) throw new SyntaxError(`${path}: no stores of Prosody's in it`);
    return { users: prosodyUsers(path), rooms: prosodyRooms(path), only: null };
  }
  if (isEjabberdDump(beginOf(path))) return { ...readEjabberdDump(path), only: EJABBERD_DUMP };
  return { users: usersOf(path), rooms: [], only: null };
}

function beginOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const begin = Buffer.alloc(64);
    return begin.toString('latin1', 0, readSync(file, begin));
  } finally {
    closeSync(file);
  }
}
