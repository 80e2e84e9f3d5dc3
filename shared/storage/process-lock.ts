import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startOf, UNKNOWN } from './process-start.js';
import { StorageError } from './storage.js';

const LOCK = 'writer.lock';
/** A live holder refreshes its lock this often (ms). */
const HEARTBEAT = 5_000;
/** A lock of another host (or container) without a heartbeat for so long (ms) has lost its holder. */
const STALE = 30_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, so that a pid that was given out again is not taken for the holder. */
  readonly started: string;
  readonly id: string;
}

export interface ProcessLock {
  release(): void;
}

/**
 * Takes the right to write below `folder`, for this process and until it ends. Throws `locked`, naming the holder,
 * while another process lives that has it; the lock of a dead one is taken over.
 */
export function lockFolder(folder: string): ProcessLock {
  const path = join(folder, LOCK);
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid) ?? UNKNOWN,
    id: randomUUID(),
  };
  if (!tryCreate(path, mine)) takeOver(folder, path, mine);
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // A full or read-only disk shows in the next write; the lock is not the place to fail.
    }
  }, HEARTBEAT);
  heartbeat.unref();
  return {
    release() {
      clearInterval(heartbeat);
      if (read(path)?.holder?.id === mine.id) rmSync(path, { force: true });
    },
  };
}

/** Only one process at a time may judge an old lock and replace it, else two could both do so. */
function takeOver(folder: string, path: string, mine: Holder): void {
  const guard = join(folder, `${LOCK}.takeover`);
  if (!tryGuard(guard)) {
    throw new StorageError('locked', `${folder} is being taken over by another process; try again`);
  }
  try {
    const found = read(path);
    if (found !== undefined && lives(found)) {
      const { holder } = found;
      const who = holder === undefined ? 'another process' : `process ${holder.pid}`;
      const where = holder === undefined || holder.host === hostname() ? '' : ` on ${holder.host}`;
      throw new StorageError('locked', `${folder} is in use by ${who}${where}`);
    }
    const draft = join(folder, `${LOCK}.${mine.id}`);
    tryCreate(draft, mine);
    renameSync(draft, path);
  } finally {
    rmdirSync(guard);
  }
}

function tryGuard(guard: string): boolean {
  try {
    mkdirSync(guard);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    // Its maker died inside the few milliseconds that a take-over lasts.
    if (Date.now() - statSync(guard).mtimeMs > STALE) rmdirSync(guard);
    mkdirSync(guard);
    return true;
  } catch {
    return false;
  }
}

function lives(found: { holder: Holder | undefined; touched: number }): boolean {
  const { holder } = found;
  const fresh = Date.now() - found.touched < STALE;
  if (holder === undefined) return fresh;
  // Process ids mean nothing outside their host: there, only the heartbeat tells.
  if (holder.host !== hostname()) return fresh;
  const started = startOf(holder.pid);
  if (started === undefined) return false;
  // Where the system does not tell when it began, a living process counts as the holder: safe, if less handy.
  return started === UNKNOWN || holder.started === UNKNOWN || started === holder.started;
}

function read(path: string): { holder: Holder | undefined; touched: number } | undefined {
  try {
    const touched = statSync(path).mtimeMs;
    let holder: Holder | undefined;
    try {
      const parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
      if (typeof parsed.pid === 'number' && typeof parsed.host === 'string') {
        holder = {
          pid: parsed.pid,
          host: parsed.host,
          started: parsed.started ?? UNKNOWN,
          id: parsed.id ?? '',
        };
      }
    } catch {
      // Not ours to understand: its age decides.
    }
    return { holder, touched };
  } catch {
    return undefined;
  }
}

function tryCreate(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
