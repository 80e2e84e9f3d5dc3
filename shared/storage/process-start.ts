import { readFileSync, readlinkSync } from 'node:fs';

/** Where the system does not tell when a process began. */
export const UNKNOWN = 'unknown';

/** When a process began, in the system's own terms; undefined if there is no such process. */
export function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  try {
    // proc(5): field 22 is the start time in ticks since boot; the second field may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more: its files are closed.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${bootId()}/${fields[19] ?? ''}`;
  } catch {
    return UNKNOWN;
  }
}

/** A process, as others can find out whether it has ended. */
export interface Holder {
  /** The system on which its pid means something. */
  readonly place: string;
  readonly pid: number;
  readonly started: string;
}

/** This process. */
export function thisProcess(): Holder {
  return { place: pidNamespace(), pid: process.pid, started: startOf(process.pid) ?? UNKNOWN };
}

/** Whether it is known to have ended; false where nobody here can tell. */
export function hasEnded({ place, pid, started }: Holder): boolean {
  if (place === UNKNOWN || started === UNKNOWN || place !== pidNamespace()) return false;
  const now = startOf(pid);
  return now !== UNKNOWN && now !== started;
}

/** Two containers may have one host name, and each a process 1: their pids are told apart by this. */
function pidNamespace(): string {
  try {
    const boot = bootId();
    return boot === '' ? UNKNOWN : `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return UNKNOWN;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
