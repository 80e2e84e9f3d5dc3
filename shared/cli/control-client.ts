import { connect, type Socket } from 'node:net';
import { ControlError } from './control-error.js';

/** What a process answers: one line of JSON. */
interface Answer {
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Nobody listens on the control socket. */
export class NotRunningError extends Error {
  constructor(path: string) {
    super(`nothing answers on ${path}`);
    this.name = 'NotRunningError';
  }
}

/**
 * Sends one command to a running process and resolves with its result.
 * @throws NotRunningError where nobody listens; ControlError for a refusal, a time-out or a broken connection.
 */
export async function control(
  path: string,
  command: string,
  args: Readonly<Record<string, unknown>> = {},
  timeoutMilliseconds = 30_000,
): Promise<unknown> {
  const socket = await open(path);
  try {
    return await request(socket, command, args, timeoutMilliseconds);
  } finally {
    socket.destroy();
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') reject(new NotRunningError(path));
      else reject(new ControlError('unreachable', `${path}: ${error.message}`));
    });
  });
}

function request(
  socket: Socket,
  command: string,
  args: Readonly<Record<string, unknown>>,
  timeoutMilliseconds: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(new ControlError('timeout', `no answer to ${command} within ${timeoutMilliseconds / 1000} s`)),
      timeoutMilliseconds,
    );
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      end();
    };
    let buffered = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      buffered += chunk;
      const end = buffered.indexOf('\n');
      if (end < 0) return;
      const answer = answerOf(buffered.slice(0, end));
      settle(() => {
        if (answer?.ok) resolve(answer.result);
        else
          reject(
            new ControlError(answer?.error?.code ?? 'invalid', answer?.error?.message ?? 'not an answer'),
          );
      });
    });
    socket.once('error', (error) => settle(() => reject(new ControlError('unreachable', error.message))));
    socket.once('close', () =>
      settle(() => reject(new ControlError('unreachable', 'the process ended before it answered'))),
    );
    socket.write(`${JSON.stringify({ id: 1, command, arguments: args })}\n`);
  });
}

/** By hand, since every command waits for what is loaded before it; null where it is no answer. */
function answerOf(line: string): Answer | null {
  try {
    const answer = JSON.parse(line) as Partial<Answer> | null;
    const { ok, error } = answer ?? {};
    const { code, message } = error ?? {};
    if (typeof ok !== 'boolean') return null;
    if (error !== undefined && (typeof code !== 'string' || typeof message !== 'string')) return null;
    return answer as Answer;
  } catch {
    return null;
  }
}
