// BOSH sessions under load: our core and bosh component, Prosody's mod_bosh, ejabberd's, and as a control a bare node:http.
//   node dist/test/bench/bosh.js [--sessions 1000] [--seconds 6] [--rounds 3] [--only entourage,prosody,ejabberd,control]
// All servers run and hold their sessions; in each round each of them in turn is given the load, the others rest. Pairs of
// sessions hand one message to and fro: each message is one request, and each session always has one open. `rest`: each
// session waits two seconds before it answers, which no server minds; `full`: none waits.
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadCommand, LoadReport } from './bosh/load.js';
import { type Server, starters } from './bosh/servers.js';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'prosody,ejabberd,entourage,control' },
  },
});
const sessions = Number(values.sessions);
const seconds = Number(values.seconds);
/** No command may take longer: the run fails instead of hanging. */
const commandMilliseconds = 300_000 + seconds * 1_000;
const restMilliseconds = 2_000;

/** CPU time of processes so far in µs, by process; memory in KiB. */
function usage(pids: readonly number[]): { cpu: number[]; memory: number } {
  const cpu: number[] = [];
  let memory = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpu.push((Number(fields[11]) + Number(fields[12])) * 10_000);
    memory += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }
  return { cpu, memory };
}

interface Figures {
  readonly rate: number;
  readonly cpu: number;
  readonly cpuByProcess: readonly number[];
  readonly clientCpu: number;
  readonly p50: number;
  readonly p99: number;
}

/** A server, its sessions, and what was measured. */
class Contestant {
  readonly name: string;
  readonly server: Server;
  readonly load: ChildProcess;
  /** Before the sessions, in MiB; for each of them, in KiB. */
  base = Number.NaN;
  memory = Number.NaN;
  readonly rest: Figures[] = [];
  readonly full: Figures[] = [];
  failure: string | undefined;

  constructor(name: string, server: Server) {
    this.name = name;
    this.server = server;
    this.load = fork(join(import.meta.dirname, 'bosh', 'load.js'), { execArgv: [] });
  }

  /** Gives the load generator one command; rejects where that fails or takes too long. */
  order(command: LoadCommand, measuring?: (begins: boolean) => void): Promise<LoadReport> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, report: LoadReport = {}) => {
        clearTimeout(timer);
        this.load.off('message', heard);
        this.load.off('exit', exited);
        if (error === null) resolve(report);
        else reject(error);
      };
      const heard = (message: LoadReport & { measuring?: boolean }) => {
        if (message.measuring !== undefined) measuring?.(message.measuring);
        else done(message.error === undefined ? null : new Error(message.error), message);
      };
      const exited = () => done(new Error('the load generator died'));
      const timer = setTimeout(() => done(new Error(`${command.do} takes too long`)), commandMilliseconds);
      this.load.on('message', heard);
      this.load.once('exit', exited);
      this.load.send(command);
    });
  }

  async prepare(): Promise<void> {
    const { port, pids, isXmpp } = this.server;
    if (isXmpp) await this.order({ do: 'register', port, sessions });
    const before = usage(pids).memory;
    this.base = before / 1024;
    await this.order({ do: isXmpp ? 'login' : 'open', port, sessions });
    this.memory = (usage(pids).memory - before) / sessions;
  }

  async run(pause: number): Promise<void> {
    const { pids } = this.server;
    let start: number[] = [];
    let end: number[] = [];
    const report = await this.order({ do: 'run', seconds, pause }, (begins) => {
      const { cpu } = usage(pids);
      if (begins) start = cpu;
      else end = cpu;
    });
    const { messages = 0, seconds: elapsed = 1, clientCpu = 0, p50 = 0, p99 = 0 } = report;
    const cpuByProcess = end.map((ticks, k) => Math.round((ticks - (start[k] ?? 0)) / messages));
    const cpu = cpuByProcess.reduce((sum, one) => sum + one, 0);
    const figures = { rate: messages / elapsed, cpu, cpuByProcess, clientCpu, p50, p99 };
    (pause > 0 ? this.rest : this.full).push(figures);
    console.error(
      this.name,
      pause > 0 ? 'rest' : 'full',
      JSON.stringify(figures, (_, value) => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
    );
  }

  async stop(): Promise<void> {
    this.load.disconnect();
    await this.server.stop();
  }
}

const contestants: Contestant[] = [];
/** What fails for one server is said, and the others go on. */
async function each(work: (one: Contestant) => Promise<void>, order = contestants): Promise<void> {
  for (const one of order) {
    if (one.failure !== undefined) continue;
    try {
      await work(one);
    } catch (error) {
      one.failure = String(error);
      console.error(one.name, one.failure);
    }
  }
}

const loadBefore = loadavg()[0] ?? 0;
for (const name of values.only.split(',')) {
  const server = await starters[name]?.();
  if (server === undefined) console.log(`${name} is not installed`);
  else contestants.push(new Contestant(name, server));
}
try {
  await each((one) => one.prepare());
  for (let round = 0; round < Number(values.rounds); round++) {
    // Each begins in turn.
    const first = round % contestants.length;
    const order = [...contestants.slice(first), ...contestants.slice(0, first)];
    await each((one) => one.run(restMilliseconds), order);
    await each((one) => one.run(0), order);
  }
} finally {
  for (const one of contestants) await one.stop();
}

const median = (list: readonly number[]) =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const load = loadBefore.toFixed(1);
console.log(
  `\n${sessions} BOSH sessions, ${values.rounds} rounds of ${seconds} s, medians; load average before ${load}, after ${(loadavg()[0] ?? 0).toFixed(1)}\n`,
);
console.log(
  '| server | messages/s | server CPU µs/message | client CPU µs/message | memory MiB + KiB/session | p50 / p99 ms at rest | p50 / p99 ms at full load |',
);
console.log('|---|---|---|---|---|---|---|');
for (const { name, base, memory, rest, full, failure } of contestants) {
  const cell = (list: readonly Figures[], pick: (figures: Figures) => number, digits = 0) =>
    median(list.map(pick)).toFixed(digits);
  const latency = (list: readonly Figures[]) =>
    `${cell(list, (f) => f.p50, 1)} / ${cell(list, (f) => f.p99, 1)}`;
  console.log(
    failure === undefined
      ? `| ${name} | ${cell(full, (f) => f.rate)} | ${cell(full, (f) => f.cpu)} | ${cell(full, (f) => f.clientCpu)} | ${base.toFixed(0)} + ${memory.toFixed(0)} | ${latency(rest)} | ${latency(full)} |`
      : `| ${name} | failed: ${failure} |`,
  );
}
// Each round is a pair: what slows the machine slows both.
const ours = contestants.find(({ name }) => name === 'entourage');
for (const { name, full, failure } of contestants) {
  if (ours === undefined || name === 'entourage' || ours.failure !== undefined || failure !== undefined)
    continue;
  const ratio = (pick: (figures: Figures) => number) =>
    median(full.map((one, round) => pick(ours.full[round] ?? one) / pick(one))).toFixed(2);
  console.log(`entourage to ${name}: messages/s ${ratio((f) => f.rate)}, CPU ${ratio((f) => f.cpu)}`);
}
process.exit(contestants.some(({ failure }) => failure !== undefined) ? 1 : 0);
