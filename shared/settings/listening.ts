import type { ListenOptions, Server } from 'node:net';
import { UnusableSettingError } from './settings-error.js';

/** Why a port cannot be listened on, by the system's code. */
export const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'no permission (ports below 1024 need a privilege)',
  EADDRNOTAVAIL: 'this host has no such address',
};

/**
 * Listens, and resolves when that has begun. `setting` names the port to the operator, `hostSetting` its address.
 * Rejects with UnusableSettingError where the system refuses it.
 */
export function listening(
  server: Server,
  where: ListenOptions,
  setting: string,
  hostSetting = 'LISTEN_HOST',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const reason = LISTEN_PROBLEMS[error.code ?? ''];
      const address = error.code === 'EADDRNOTAVAIL' || error.code === 'EINVAL';
      reject(
        reason === undefined
          ? error
          : new UnusableSettingError({
              name: address ? hostSetting : setting,
              value: String(address ? where.host : where.port),
              expected: address
                ? `expected an address to listen on, but ${reason}`
                : `expected a free port, but ${reason} (\`entourage check\` looks at every port)`,
            }),
      );
    };
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
