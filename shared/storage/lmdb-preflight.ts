import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { checkPages } from './lmdb-pages.js';
import { StorageError } from './storage.js';

export const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';

// The first two pages of a file are its meta pages (mdb.c: MDB_page, MDB_meta), with numbers in the host's order.
const PAGE_FLAGS = 18;
const MAGIC = 24;
const VERSION = 28;
const PAGE_SIZE = 48;
const HEADER_BYTES = 64;
/** Of a larger file only the pages above the leaves are read at a start, one in a hundred or so. */
const ALL_PAGES_BELOW = 256 * 1024 * 1024;
const META_PAGE = 0x08;
const EXPECTED_MAGIC = 0xbeefc0de;
const EXPECTED_VERSION = 2;

/**
 * Finds out what would make LMDB refuse the files of an environment, and throws what it would have said: the
 * native module (3.5.6) frees its state twice when LMDB refuses to open, which ends the whole process.
 */
export function checkFiles(folder: string, readOnly: boolean): void {
  const path = join(folder, DATA_FILE);
  if (!existsSync(path)) {
    if (readOnly) throw new StorageError('unavailable', `${folder} holds no store`);
    return;
  }
  accessSync(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
  const lock = join(folder, LOCK_FILE);
  if (existsSync(lock) && !readOnly) accessSync(lock, constants.R_OK | constants.W_OK);
  const file = openSync(path, 'r');
  try {
    // An empty file is one that was just made.
    const { size } = fstatSync(file);
    if (size === 0) return;
    const pageSize = checkMetaPage(file, 0, path);
    checkMetaPage(file, pageSize, path);
    // one that is only looked at may be in use, and change meanwhile
    if (!readOnly && endianness() === 'LE')
      checkPages(file, path, { pageSize, size, leaves: size <= ALL_PAGES_BELOW });
  } finally {
    closeSync(file);
  }
}

function checkMetaPage(file: number, at: number, path: string): number {
  const header = Buffer.alloc(HEADER_BYTES);
  const complete = readSync(file, header, 0, HEADER_BYTES, at) === HEADER_BYTES;
  const little = endianness() === 'LE';
  const number = (offset: number): number =>
    little ? header.readUInt32LE(offset) : header.readUInt32BE(offset);
  const flags = little ? header.readUInt16LE(PAGE_FLAGS) : header.readUInt16BE(PAGE_FLAGS);
  if (!complete || (flags & META_PAGE) === 0 || number(MAGIC) !== EXPECTED_MAGIC) {
    throw new StorageError('corrupt', `${path} is not a store, or is damaged`);
  }
  const version = number(VERSION) & 0xffff;
  if (version !== EXPECTED_VERSION) {
    throw new StorageError(
      'corrupt',
      `${path} has version ${version} of LMDB's format, not ${EXPECTED_VERSION}`,
    );
  }
  return number(PAGE_SIZE);
}
