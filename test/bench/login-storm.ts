/**
 * What routed messages feel of others' log-ins: `node dist/test/bench/login-storm.js [--rate 200] [--seconds 8]`. One core;
 * two users chat at 100 messages a second; then so many log-ins a second by PLAIN, whose hash the server computes, and by
 * SCRAM, whose client does. Prints the bystanders' latency beside a control without log-ins.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Bystanders } from '../tools/bystanders.js';
import { CoreUnderTest } from '../tools/core-harness.js';
import type { StormOrder, StormReport } from './login-storm-worker.js';

const { values } = parseArgs({
  options: { rate: { type: 'string', default: '200' }, seconds: { type: 'string', default: '8' } },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const users = Array.from({ length: 100 }, (_, index) => `storm${index}`);

const core = await CoreUnderTest.start({ LOG_LEVEL: 'warn' });
const worker = new Worker(new URL('./login-storm-worker.js', import.meta.url));
try {
  await core.addUsers('writer', 'reader', ...users);
  const bystanders = await Bystanders.start(core.address());
  const storm = async (order: Omit<StormOrder, 'users' | 'port' | 'host'>): Promise<StormReport> => {
    worker.postMessage({ ...order, users, ...core.address() } satisfies StormOrder);
    const [report] = (await once(worker, 'message')) as [StormReport];
    return report;
  };
  // The salts are learnt and the code is compiled before anything is measured.
  await storm({ mechanism: 'SCRAM', rate: 50, seconds: 2 });
  await storm({ mechanism: 'PLAIN', rate: 50, seconds: 2 });
  console.log(`${rate} log-ins a second for ${seconds} s; load average ${loadavg()[0]?.toFixed(1)}\n`);
  console.log('| log-ins | done/s | failed | log-in p50 / p99 ms | messages p50 / p99 ms | core CPU |');
  console.log('|---|---|---|---|---|---|');
  const cpuBefore = cpuSeconds();
  const control = await bystanders.control(seconds * 1000);
  const share = (since: number) => `${(((cpuSeconds() - since) / seconds) * 100).toFixed(0)} %`;
  console.log(
    `| none | | | | ${control.median.toFixed(1)} / ${control.p99.toFixed(1)} | ${share(cpuBefore)} |`,
  );
  for (const mechanism of ['PLAIN', 'SCRAM'] as const) {
    let report: StormReport | undefined;
    const since = cpuSeconds();
    const felt = await bystanders.during(async () => {
      report = await storm({ mechanism, rate, seconds });
    });
    if (report === undefined) continue;
    console.log(
      `| ${mechanism} | ${report.perSecond.toFixed(0)} | ${report.failed} | ` +
        `${report.p50.toFixed(1)} / ${report.p99.toFixed(1)} | ` +
        `${felt.median.toFixed(1)} / ${felt.p99.toFixed(1)} | ${share(since)} |`,
    );
  }
  await bystanders.stop();
} finally {
  await worker.terminate();
  await core.stop();
}

/** CPU time of the core so far, all its threads. */
function cpuSeconds(): number {
  const stat = readFileSync(`/proc/${core.process.child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
