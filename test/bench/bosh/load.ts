// The load generator of ../bosh.ts: a process of its own, told by messages what to do.
import { BoshSession, isEnd } from './session.js';

/** What the parent asks for, one at a time; each is answered by one {@link LoadReport}. */
export type LoadCommand =
  | { readonly do: 'register' | 'login' | 'open'; readonly port: number; readonly sessions: number }
  /** Runs for so long; each session rests for `pause` on average before it answers (milliseconds; 0: none). */
  | { readonly do: 'run'; readonly seconds: number; readonly pause: number };

export interface LoadReport {
  readonly error?: string;
  readonly messages?: number;
  /** Measured time in seconds, and CPU time of this process per message in µs. */
  readonly seconds?: number;
  readonly clientCpu?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly p999?: number;
}

/** Sessions logging in at once. */
const atOnce = 20;
const stamp = /<body>([\d.]+)<\/body>/;

let sessions: BoshSession[] = [];

/** One of a pair: answers what comes with the next message, which is also its next request. */
class Player {
  static running = false;
  static pause = 0;
  static count = 0;
  static latencies: number[] = [];
  static failure: string | undefined;
  readonly #session: BoshSession;
  readonly #to: string;
  /** A message came while nothing was to be sent: it is answered when the next run begins. */
  #owes: boolean;

  constructor(session: BoshSession, to: string, begins: boolean) {
    this.#session = session;
    this.#to = `<message xmlns='jabber:client' to='${to}' type='chat'><body>`;
    this.#owes = begins;
    session.received = (body) => this.#received(body);
    if (!begins) session.send('');
  }

  begin(): void {
    if (!this.#owes) return;
    this.#owes = false;
    this.#later();
  }

  #received(body: string): void {
    const sentAt = stamp.exec(body)?.[1];
    if (sentAt === undefined) {
      if (isEnd(body)) Player.failure ??= body;
      else this.#session.send('');
      return;
    }
    Player.count++;
    Player.latencies.push(performance.now() - Number(sentAt));
    this.#later();
  }

  #later(): void {
    if (!Player.running) this.#owes = true;
    else if (Player.pause === 0) this.#send();
    else setTimeout(() => this.#send(), (0.5 + Math.random()) * Player.pause);
  }

  #send(): void {
    if (!Player.running) this.#owes = true;
    else this.#session.send(`${this.#to}${performance.now().toFixed(3)}</body></message>`);
  }
}

let players: Player[] = [];

async function prepare(command: Exclude<LoadCommand, { do: 'run' }>): Promise<LoadReport> {
  const all = Array.from({ length: command.sessions }, (_, k) => new BoshSession(command.port, `user${k}`));
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let one = all[next++]; one !== undefined; one = all[next++]) await one[command.do]();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (command.do !== 'register') sessions = all;
  return {};
}

async function run({ seconds, pause }: Extract<LoadCommand, { do: 'run' }>): Promise<LoadReport> {
  if (players.length === 0) {
    players = sessions.map((one, k) => new Player(one, sessions[k ^ 1]?.jid ?? '', k % 2 === 0));
  }
  Player.running = true;
  Player.pause = pause;
  for (const player of players) player.begin();
  await sleep(1_000);
  Player.count = 0;
  Player.latencies = [];
  const start = { at: performance.now(), cpu: process.cpuUsage() };
  process.send?.({ measuring: true });
  await sleep(seconds * 1_000);
  const cpu = process.cpuUsage(start.cpu);
  const elapsed = (performance.now() - start.at) / 1_000;
  const { count, latencies, failure } = Player;
  process.send?.({ measuring: false });
  Player.running = false;
  // What is on its way arrives before anybody else is measured.
  await sleep(500);
  if (failure !== undefined) return { error: failure };
  const sorted = Float64Array.from(latencies).sort();
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return {
    messages: count,
    seconds: elapsed,
    clientCpu: (cpu.user + cpu.system) / count,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

process.on('message', (command: LoadCommand) => {
  const work = command.do === 'run' ? run(command) : prepare(command);
  work.then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
