import { parentPort, workerData } from 'node:worker_threads';
import { LedgerClient } from './ledger/client.js';

/** Whom the worker plays: that many users (`storm0`, …) of one server, who come back whenever they are cut off. */
export interface StormData {
  readonly host: string;
  readonly port: number;
  readonly sessions: number;
  /** At most so many milliseconds until a client tries again. */
  readonly pause: number;
}

/** A session is up (again), at this time on the clock of all threads. */
export type StormNews =
  | { readonly up: number; readonly at: number }
  | { readonly reasons: readonly string[] };

const { host, port, sessions, pause } = workerData as StormData;
const tell = (news: StormNews): void => parentPort?.postMessage(news);

const clients = Array.from({ length: sessions }, (_, i): LedgerClient => {
  const client: LedgerClient = new LedgerClient({
    address: () => ({ host, port }),
    user: `storm${i}`,
    resource: 'r',
    pause: () => Math.random() * pause,
    up: () => {
      client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
      client.send('<presence/>');
    },
    // its own presence comes back when the server has taken it in
    stanza: (stanza) => {
      if (stanza.name === 'presence' && stanza.from === client.jid)
        tell({ up: i, at: performance.timeOrigin + performance.now() });
    },
  });
  return client;
});

parentPort?.on('message', (order: 'start' | 'reasons' | 'stop') => {
  if (order === 'start') void begin();
  else if (order === 'reasons') tell({ reasons: clients.flatMap((client) => client.reasons) });
  else void Promise.all(clients.map((client) => client.stop(false))).then(() => process.exit(0));
});

/** The first time they come one after the other: what is measured is how they come back. */
async function begin(): Promise<void> {
  for (let i = 0; i < clients.length; i += 20)
    await Promise.all(clients.slice(i, i + 20).map((client) => client.start()));
}
