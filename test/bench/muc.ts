/**
 * Groupchat deliveries per second, and server CPU per delivery, of our core with muc beside Prosody's and ejabberd's built-in
 * MUC, one after the other in one run: `node dist/test/bench/muc.js [seconds] [core|prosody|ejabberd …]`. All processes of a server
 * count. Figures to look at, not to assert: the machine's own load is in them.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { CoreUnderTest } from '../tools/core-harness.js';
import {
  type ForeignComponent,
  startEjabberdWith,
  startProsodyWith,
} from '../tools/foreign/component-host.js';
import { RawClient } from '../tools/raw-client.js';

const MUC: ForeignComponent = { domain: 'chat.localhost', secret: 'secret', delegations: [], builtIn: true };
const CLIENTS = 1_000;
const BODY =
  "Thrice the brinded cat hath mew'd, thrice and once the hedge-pig whined, Harpier cries 'tis time";
/** Clock ticks of /proc are hundredths of a second. */
const TICK_MILLISECONDS = 10;

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const users = Array.from({ length: CLIENTS }, (_, number) => `user${number}`);

const SUBJECTS: Readonly<Record<string, () => Promise<Subject | undefined>>> = {
  async core() {
    const core = await CoreUnderTest.start({
      COMPONENTS: 'muc',
      COMPONENT_MUC_DOMAIN: MUC.domain,
      COMPONENT_MUC_SECRET: MUC.secret,
      LOG_LEVEL: 'error',
    });
    for (let at = 0; at < CLIENTS; at += 50) await core.addUsers(...users.slice(at, at + 50));
    const muc = await core.component('muc', { MUC_DOMAIN: MUC.domain, MUC_RATE: '0', LOG_LEVEL: 'error' });
    return {
      name: 'core and muc',
      port: core.address().port,
      pids: [core.process.child.pid ?? 0, muc.child.pid ?? 0],
      stop: () => core.stop(),
    };
  },
  async prosody() {
    const server = await startProsodyWith(MUC, Object.fromEntries(users.map((user) => [user, 'secret'])));
    return server && { name: 'prosody', port: server.c2sPort, pids: [server.pid], stop: () => server.stop() };
  },
  async ejabberd() {
    const server = await startEjabberdWith(MUC);
    if (server === undefined) return undefined;
    return { name: 'ejabberd', port: server.c2sPort, pids: [server.pid], stop: () => server.stop() };
  },
};

function cpuMilliseconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MILLISECONDS;
}

/** One logged-in stream that only counts what comes. */
class Counter {
  static deliveries = 0;
  readonly #socket: Socket;
  #waiting: { text: string; resolve: () => void } | null = null;
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
  }

  static async login(port: number, user: string): Promise<Counter> {
    const raw = await RawClient.connect('127.0.0.1', port);
    await raw.login(user, 'secret', 'localhost', 'bench');
    return new Counter(raw.socket);
  }

  #read(text: string): void {
    for (let at = text.indexOf('</message>'); at >= 0; at = text.indexOf('</message>', at + 10))
      Counter.deliveries++;
    if (this.#waiting === null) return;
    const seen = this.#rest + text;
    this.#rest = seen.slice(-64);
    if (!seen.includes(this.#waiting.text)) return;
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve();
  }

  /** Sends, and resolves when `text` has come. */
  send(xml: string, text: string): Promise<void> {
    this.#rest = '';
    return new Promise((resolve) => {
      this.#waiting = { text, resolve };
      this.#socket.write(xml);
    });
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function fill(clients: readonly Counter[], rooms: number, size: number): Promise<void> {
  for (let room = 0; room < rooms; room++) {
    const address = `room${rooms}-${room}@${MUC.domain}`;
    for (let seat = 0; seat < size; seat++) {
      const number = (room * size + seat) % CLIENTS;
      await clients[number]?.send(
        `<presence to='${address}/nick${number}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
        '<subject',
      );
      if (seat === 0)
        await clients[number]?.send(
          `<iq type='set' id='open-${room}' to='${address}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
          `open-${room}`,
        );
    }
  }
}

/** In each room one speaks, again whenever the last message has come back. */
async function speak(
  clients: readonly Counter[],
  rooms: number,
  size: number,
  seconds: number,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: rooms }, async (_, room) => {
      // Rooms share clients, and a client waits for one thing at a time: the speaker is one that no other room has as its own.
      const speaker = clients[(room * size + Math.floor((room * size) / CLIENTS)) % CLIENTS];
      for (let number = 0; performance.now() < end; number++) {
        const id = `m-${room}-${number}-`;
        await speaker?.send(
          `<message to='room${rooms}-${room}@${MUC.domain}' type='groupchat' id='${id}'><body>${BODY}</body></message>`,
          id,
        );
      }
    }),
  );
}

const [seconds = '5', ...chosen] = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : Object.keys(SUBJECTS)) {
  const subject = await SUBJECTS[name]?.();
  if (subject === undefined) {
    console.log(`${name} is not installed`);
    continue;
  }
  const clients: Counter[] = [];
  try {
    for (const user of users) clients.push(await Counter.login(subject.port, user));
    for (const [rooms, size] of [
      [1, 1_000],
      [200, 20],
    ] as const) {
      const before = cpuMilliseconds(subject.pids);
      await fill(clients, rooms, size);
      const joined = cpuMilliseconds(subject.pids);
      Counter.deliveries = 0;
      const start = performance.now();
      await speak(clients, rooms, size, Number(seconds));
      const elapsed = performance.now() - start;
      const cpu = cpuMilliseconds(subject.pids) - joined;
      const { deliveries } = Counter;
      console.log(
        `${subject.name.padEnd(14)} ${String(rooms).padStart(3)} × ${String(size).padStart(4)}: ${(deliveries / elapsed).toFixed(1).padStart(7)}k deliveries/s, ${((cpu * 1000) / deliveries).toFixed(2).padStart(7)} µs CPU per delivery; joins ${((joined - before) / 1000).toFixed(1)} s CPU`,
      );
    }
  } finally {
    for (const client of clients) client.end();
    await subject.stop();
  }
}
