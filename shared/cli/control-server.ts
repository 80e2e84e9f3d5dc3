import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../observability/types.js';
import { ControlError } from './control-error.js';

/** Longest request line; `store import` and the like pass paths, not contents. */
const REQUEST_BYTES = 1_048_576;

const requestSchema = z.object({
  id: z.number().int(),
  command: z.string().max(64),
  arguments: z.record(z.string(), z.unknown()).default({}),
});

export type ControlArguments = Readonly<Record<string, unknown>>;
/** Answers one command; what it returns is the JSON result. */
type ControlHandler = (args: ControlArguments) => unknown;

/** The commands a running process takes from its operator over a socket that only the operator's user can open. */
export interface ControlServer {
  /** Registers a command (`user.add`); a later registration of the same name is a programming error. */
  handle(command: string, handler: ControlHandler): void;
  listen(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Newline-delimited JSON: `{id, command, arguments}` → `{id, ok, result}` or `{id, ok, error: {code, message}}`. */
export function createControlServer(log: Logger): ControlServer {
  return new SocketControlServer(log);
}

const QUESTIONS: ReadonlySet<string> = new Set(['status', 'picture', 'component.list', 'user.list']);

class SocketControlServer implements ControlServer {
  private readonly log: Logger;
  private readonly handlers = new Map<string, ControlHandler>();
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private path: string | undefined;

  constructor(log: Logger) {
    this.log = log;
  }

  handle(command: string, handler: ControlHandler): void {
    if (this.handlers.has(command)) throw new TypeError(`control command ${command} is registered twice`);
    this.handlers.set(command, handler);
  }

  async listen(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(path)) {
      if (await answers(path)) throw new Error(`another process answers on ${path}`);
      rmSync(path, { force: true });
    }
    const server = createServer((socket) => this.serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(path, 0o600);
    this.server = server;
    this.path = path;
  }

  async close(): Promise<void> {
    const { server, path } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroySoon();
    await closed;
    if (path !== undefined) rmSync(path, { force: true });
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let buffered = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      buffered += chunk;
      let end = buffered.indexOf('\n');
      while (end >= 0) {
        const line = buffered.slice(0, end);
        buffered = buffered.slice(end + 1);
        this.answer(socket, line).catch((error: unknown) => {
          this.log.error({ code: 'control.failed', error }, 'cannot answer on the control socket');
          socket.destroy();
        });
        end = buffered.indexOf('\n');
      }
      if (buffered.length > REQUEST_BYTES) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }

  private async answer(socket: Socket, line: string): Promise<void> {
    const request = requestSchema.safeParse(parseJson(line));
    if (!request.success) {
      socket.end(
        `${JSON.stringify({ id: null, ok: false, error: { code: 'invalid', message: 'not a request' } })}\n`,
      );
      return;
    }
    const { id, command } = request.data;
    let answer: object;
    try {
      const handler = this.handlers.get(command);
      if (handler === undefined)
        throw new ControlError('unknown-command', `this process has no command ${command}`);
      answer = { id, ok: true, result: (await handler(request.data.arguments)) ?? null };
      // Questions change nothing, and monitors ask them every minute.
      const level = QUESTIONS.has(command) ? 'debug' : 'info';
      this.log[level]({ code: 'control.command', command }, 'done for the operator');
    } catch (error) {
      const known = error instanceof ControlError;
      if (!known) this.log.error({ code: 'control.command-failed', command, error }, 'a command failed');
      const message = error instanceof Error ? error.message : String(error);
      answer = { id, ok: false, error: { code: known ? error.code : 'internal', message } };
    }
    if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether some process listens there; the file alone may be left over from one that was killed. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
