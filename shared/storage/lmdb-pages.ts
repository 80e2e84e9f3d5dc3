import { readSync } from 'node:fs';
import { StorageError } from './storage.js';

// The format of LMDB's data file as its version 2 lays it out on 64-bit machines (mdb.c: MDB_page_header, MDB_node, MDB_db,
// MDB_meta, MDB_ovpage); numbers in the host's order, and only little-endian hosts are looked at.
const HEADER = 24;
const FLAGS = 18;
const LOWER = 20;
const UPPER = 22;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
/** Kinds of leaf pages that our stores do not have: values of fixed size. */
const LEAF2 = 0x20;

const NODE = 8;
const BIG_DATA = 0x01;
const SUB_DATA = 0x02;

const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Within MDB_db: depth, then five counts, the last of which is the root. */
const DEPTH = 6;
const ROOT = 40;
/** Within a meta page: the records of the two trees that every file has. */
const FREE_TREE = HEADER + 24;
const MAIN_TREE = FREE_TREE + 48;
const TRANSACTION = MAIN_TREE + 48 + 8;
/** No tree is deeper. */
const DEEPEST = 32;

interface PageCheckOptions {
  readonly pageSize: number;
  /** The file's size in bytes. */
  readonly size: number;
  /** Pages at the leaves are read too. Without it only whether they are in the file is looked at. */
  readonly leaves: boolean;
}

/**
 * Walks the trees of a data file and throws `corrupt` where a page is not what must be there: LMDB itself trusts its file, and
 * ends the process (SIGBUS, a failed assertion) on a page that is missing or damaged, at every start anew.
 */
export function checkPages(file: number, path: string, options: PageCheckOptions): void {
  const { pageSize, size } = options;
  const pages = Math.floor(size / pageSize);
  const seen = new Uint8Array(pages);
  const damaged = (page: number | bigint, what: string): StorageError =>
    new StorageError('corrupt', `${path} is damaged: page ${page} ${what}; restore a backup`);

  const read = (page: number): Buffer => {
    const buffer = Buffer.allocUnsafe(pageSize);
    if (readSync(file, buffer, 0, pageSize, page * pageSize) !== pageSize)
      throw damaged(page, 'is missing, since the file is cut off');
    return buffer;
  };

  const enter = (page: bigint): number => {
    if (page >= BigInt(pages)) throw damaged(page, 'is missing, since the file is cut off');
    if (page < 2n) throw damaged(page, 'is not a page of data');
    const number = Number(page);
    if (seen[number] === 1) throw damaged(page, 'is used twice');
    seen[number] = 1;
    return number;
  };

  const walk = (root: bigint, depth: number): void => {
    if (root === NO_PAGE) return;
    if (depth < 1 || depth > DEEPEST) throw damaged(root, 'begins a tree of an impossible depth');
    let level: bigint[] = [root];
    for (let left = depth; level.length > 0; left--) {
      const children: bigint[] = [];
      const isLeaf = left === 1;
      for (const page of level) {
        const number = enter(page);
        if (isLeaf && !options.leaves && depth > 1) continue;
        const buffer = read(number);
        if (buffer.readBigUInt64LE(0) !== page) throw damaged(page, 'is another one or none');
        const flags = buffer.readUInt16LE(FLAGS);
        if ((flags & (BRANCH | LEAF | LEAF2 | OVERFLOW)) !== (isLeaf ? LEAF : BRANCH))
          throw damaged(page, `should be a ${isLeaf ? 'leaf' : 'branch'} of its tree, and is not`);
        nodesOf(buffer, page, (at) => {
          if (isLeaf) leaf(buffer, at, page);
          else children.push(BigInt(buffer.readUInt32LE(at)) | (BigInt(buffer.readUInt16LE(at + 4)) << 32n));
        });
      }
      level = children;
    }
  };

  const nodesOf = (buffer: Buffer, page: bigint, each: (at: number) => void): void => {
    // bounds and pointers count from the end of the header
    const lower = HEADER + buffer.readUInt16LE(LOWER);
    const upper = HEADER + buffer.readUInt16LE(UPPER);
    if (lower > upper || upper > pageSize || (lower - HEADER) % 2 !== 0)
      throw damaged(page, 'has no sensible bounds');
    for (let pointer = HEADER; pointer < lower; pointer += 2) {
      const at = HEADER + buffer.readUInt16LE(pointer);
      if (at < upper || at + NODE > pageSize || at + NODE + buffer.readUInt16LE(at + 6) > pageSize)
        throw damaged(page, 'has an entry outside of it');
      each(at);
    }
  };

  const leaf = (buffer: Buffer, at: number, page: bigint): void => {
    const bytes = buffer.readUInt32LE(at);
    const flags = buffer.readUInt16LE(at + 4);
    const data = at + NODE + buffer.readUInt16LE(at + 6);
    const inside = (flags & BIG_DATA) !== 0 ? 24 : bytes;
    if (data + inside > pageSize) throw damaged(page, 'has an entry outside of it');
    if ((flags & BIG_DATA) !== 0) overflow(buffer.readBigUInt64LE(data), bytes);
    else if ((flags & SUB_DATA) !== 0) {
      if (bytes !== 48) throw damaged(page, 'has a sub-database that is none');
      walk(buffer.readBigUInt64LE(data + ROOT), buffer.readUInt16LE(data + DEPTH));
    }
  };

  const overflow = (first: bigint, bytes: number): void => {
    const count = Math.ceil((HEADER + bytes) / pageSize);
    for (let i = 0; i < count; i++) enter(first + BigInt(i));
    const header = Buffer.allocUnsafe(HEADER);
    readSync(file, header, 0, HEADER, Number(first) * pageSize);
    if (header.readBigUInt64LE(0) !== first || (header.readUInt16LE(FLAGS) & OVERFLOW) === 0)
      throw damaged(first, 'should begin a long value, and does not');
  };

  const newest = [read(0), read(1)].reduce((a, b) =>
    b.readBigUInt64LE(TRANSACTION) > a.readBigUInt64LE(TRANSACTION) ? b : a,
  );
  walk(newest.readBigUInt64LE(FREE_TREE + ROOT), newest.readUInt16LE(FREE_TREE + DEPTH));
  walk(newest.readBigUInt64LE(MAIN_TREE + ROOT), newest.readUInt16LE(MAIN_TREE + DEPTH));
}
