import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A program in a terminal (tmux) with a home of its own: typed into and read as a person would. */
export class Terminal {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * `files`: what its home has, by path. `unprivileged`: where root runs the tests, as nobody, since the program refuses
   * to be root's.
   */
  static async start(
    program: string,
    {
      files = {},
      unprivileged = false,
    }: { files?: Readonly<Record<string, string>>; unprivileged?: boolean } = {},
  ): Promise<Terminal> {
    const folder = mkdtempSync(join(tmpdir(), 'terminal-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const asNobody = unprivileged && userInfo().uid === 0;
    if (asNobody) await run('chown', ['-R', 'nobody', folder]);
    const command = asNobody ? `setpriv --reuid=nobody --clear-groups ${program}` : program;
    const terminal = new Terminal(folder);
    await run(
      'tmux',
      [
        ...terminal.#socket,
        '-f',
        '/dev/null',
        'new-session',
        '-d',
        '-c',
        folder,
        '-x',
        '160',
        '-y',
        '50',
        command,
      ],
      {
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: folder,
          XDG_CONFIG_HOME: join(folder, 'config'),
          XDG_DATA_HOME: join(folder, 'data'),
          TERM: 'xterm-256color',
          LANG: 'C.UTF-8',
        },
      },
    );
    return terminal;
  }

  get #socket(): string[] {
    return ['-S', join(this.#folder, 'tmux')];
  }

  /** Types a line, which the program shows; what comes with it in one breath it may take for a part of a pasted text. */
  async type(line: string): Promise<void> {
    await run('tmux', [...this.#socket, 'send-keys', '-l', line]);
    await this.shows(line);
    await run('tmux', [...this.#socket, 'send-keys', 'Enter']);
  }

  /** Types a line which the program does not show. */
  async typeHidden(line: string): Promise<void> {
    await run('tmux', [...this.#socket, 'send-keys', '-l', line]);
    await run('tmux', [...this.#socket, 'send-keys', 'Enter']);
  }

  /** Presses one key by tmux's name for it (`C-y`). */
  async key(name: string): Promise<void> {
    await run('tmux', [...this.#socket, 'send-keys', name]);
  }

  async screen(): Promise<string> {
    const { stdout } = await run('tmux', [...this.#socket, 'capture-pane', '-p']);
    return stdout;
  }

  /** Waits until the screen shows this. */
  async shows(text: string, milliseconds = 15_000): Promise<void> {
    const end = performance.now() + milliseconds;
    let screen = '';
    while (performance.now() < end) {
      screen = await this.screen();
      if (screen.includes(text)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the terminal never showed ${text}:\n${screen}`);
  }

  async stop(): Promise<void> {
    const listed = await run('tmux', [...this.#socket, 'list-panes', '-a', '-F', '#{pane_pid}']).catch(
      () => null,
    );
    await run('tmux', [...this.#socket, 'kill-server']).catch(() => undefined);
    // Poezio does not mind that its terminal is gone, and spins for ever.
    for (const pid of listed?.stdout.match(/\d+/g) ?? []) endGroup(Number(pid));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A terminal's program leads a process group of its own. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Whether a program can be run. */
export async function isInstalled(program: string, ...args: string[]): Promise<boolean> {
  try {
    await run(program, args);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== 'ENOENT';
  }
}
