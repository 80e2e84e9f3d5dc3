import { rmSync } from 'node:fs';
import { RawClient } from '../raw-client.js';
import type { ForeignProcess } from './programs.js';

/** Somebody else's server with a configuration, data and ports of its own. */
export interface ForeignServer {
  readonly name: 'prosody' | 'ejabberd';
  readonly domain: string;
  readonly address: string;
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly httpPort: number;
  /** Its certificate, to be trusted as a root. */
  readonly caPath: string;
  /** Where it keeps everything. */
  readonly folder: string;
  readonly pid: number;
  output(): string;
  /** A client logged in as one of its users. */
  login(user: string, resource: string): Promise<RawClient>;
  start(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it and starts it again on the same data. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** What the two have in common. */
export interface ForeignServerOptions {
  /** Default: `localhost`. */
  readonly domain?: string;
  /** Default: `127.0.0.1`. */
  readonly address?: string;
  /** Default: free ones. */
  readonly c2sPort?: number;
  /** Accounts, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** External components (XEP-0114), with their secrets. */
  readonly components?: Readonly<Record<string, string>>;
}

export interface Listeners {
  readonly domain: string;
  readonly address: string;
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly httpPort: number;
}

/** The handle of a server whose process has been started. */
export function handleOf(
  name: ForeignServer['name'],
  listeners: Listeners,
  folder: string,
  caPath: string,
  process: ForeignProcess,
  users: Readonly<Record<string, string>> = {},
): ForeignServer {
  return {
    name,
    ...listeners,
    folder,
    caPath,
    get pid() {
      return process.pid;
    },
    output: () => process.output,
    async login(user, resource) {
      const client = await RawClient.connect(listeners.address, listeners.c2sPort);
      await client.login(user, users[user] ?? 'secret', listeners.domain, resource);
      return client;
    },
    start: () => process.start(),
    kill: (signal) => process.kill(signal),
    async restart(signal = 'SIGTERM') {
      await process.kill(signal);
      await process.start();
    },
    async stop() {
      await process.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
