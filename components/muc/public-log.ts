import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../shared/observability/types.js';
import type { Room } from './rooms/room.js';

const FLUSH_MILLISECONDS = 1_000;

/**
 * Logs of rooms whose owners made them public (XEP-0045 §7.2.12), for a web server to show: one folder a room, one text file
 * a day, in UTC. Not the operator's log, which holds no message.
 */
export class PublicLog {
  readonly #folder: string;
  readonly #log: Logger;
  /** Lines by folder and file that are not written yet. */
  #lines = new Map<string, { folder: string; text: string }>();
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  message(room: Room, at: number, nick: string, text: string): void {
    this.#add(room, at, text.startsWith('/me ') ? `* ${nick} ${text.slice(4)}` : `<${nick}> ${text}`);
  }

  subject(room: Room, at: number, nick: string, text: string): void {
    this.#add(room, at, `* ${nick} has changed the subject to: ${text}`);
  }

  #add(room: Room, at: number, line: string): void {
    const stamp = new Date(at).toISOString();
    const folder = join(this.#folder, folderName(room.local));
    const file = join(folder, `${stamp.slice(0, 10)}.txt`);
    const entry = this.#lines.get(file) ?? { folder, text: '' };
    // One line each, so that no text can pass for another's.
    entry.text += `${stamp.slice(11, 19)} ${line.replaceAll(/\r\n|\n|\r/g, '\n         ')}\n`;
    this.#lines.set(file, entry);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MILLISECONDS).unref();
  }

  /** Resolves when everything is written. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const lines = this.#lines;
    this.#lines = new Map();
    this.#writing = this.#writing.then(async () => {
      for (const [file, { folder, text }] of lines) {
        try {
          await mkdir(folder, { recursive: true });
          await appendFile(file, text);
        } catch (error) {
          this.#log.error(
            { code: 'muc.public-log-failed', error, file },
            'a public log could not be written',
          );
        }
      }
    });
    return this.#writing;
  }
}

/** A room's name as a folder's: readable, and never a way out. */
export function folderName(local: string): string {
  const name = encodeURIComponent(local);
  return name.startsWith('.') ? `%2E${name.slice(1)}` : name;
}
