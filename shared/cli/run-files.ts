import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';

const runFileSchema = z.object({
  process: z.string(),
  pid: z.number().int().positive(),
  /** When it began, in the kernel's own count: another process may get its number, in a container even the next one. */
  born: z.string().optional(),
  startedAt: z.string(),
  ready: z.boolean(),
  reason: z.string().optional(),
  addresses: z.record(z.string(), z.string()),
});

/** What a running process says about itself in `<data>/run/<process>.json`. */
export type RunFile = z.infer<typeof runFileSchema>;

/** The folder of run files and control sockets; only the operator's user may look into it. */
function runFolder(dataFolder: string): string {
  return join(dataFolder, 'run');
}

/** Writes the file in one step: a reader sees the old or the new one. */
export function writeRunFile(dataFolder: string, file: RunFile): void {
  const folder = runFolder(dataFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const path = join(folder, `${file.process}.json`);
  const draft = `${path}.${file.pid}`;
  try {
    writeFileSync(draft, `${JSON.stringify({ ...file, born: bornOf(file.pid) }, null, 2)}\n`, {
      mode: 0o600,
    });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Removes a process's file, if it is still the one that `pid` wrote. */
export function removeRunFile(dataFolder: string, process: string, pid: number): void {
  if (readRunFile(dataFolder, process)?.pid === pid) {
    rmSync(join(runFolder(dataFolder), `${process}.json`), { force: true });
  }
}

/** The file of one process, whether or not that process still lives; undefined where there is none. */
export function readRunFile(dataFolder: string, process: string): RunFile | undefined {
  try {
    const text = readFileSync(join(runFolder(dataFolder), `${process}.json`), 'utf8');
    return runFileSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The files of all processes that live. */
export function livingProcesses(dataFolder: string): RunFile[] {
  let names: string[];
  try {
    names = readdirSync(runFolder(dataFolder));
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => readRunFile(dataFolder, name.slice(0, -'.json'.length)))
    .filter((file): file is RunFile => file !== undefined && isRunning(file))
    .sort((a, b) => a.process.localeCompare(b.process));
}

/** Whether the process that wrote the file still runs, and not only one that has its number now. */
export function isRunning(file: RunFile): boolean {
  return isAlive(file.pid) && (file.born === undefined || file.born === bornOf(file.pid));
}

/** Fields 3 (state) and 22 (start) of proc(5) `stat`; undefined where there is no such process, or no /proc. */
function statOf(pid: number): { state: string; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before them is in parentheses and may have any character.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function bornOf(pid: number): string | undefined {
  return statOf(pid)?.start;
}

/** Whether a process with this id exists and has not ended: one that its parent has not taken note of yet does nothing. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return statOf(pid)?.state !== 'Z';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The control socket of a process. Unix socket paths are short (107 bytes): the shorter of both forms is used. */
export function controlSocketPath(dataFolder: string, process: string): string {
  const path = join(runFolder(dataFolder), `${process}.sock`);
  const near = relative('.', path);
  return near.length < path.length ? near : path;
}
