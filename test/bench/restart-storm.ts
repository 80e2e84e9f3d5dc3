// How many sessions come back when a server dies at once: our core with all its components, Debian's Prosody, Debian's ejabberd.
//   node dist/test/bench/restart-storm.js [--sessions 2000] [--rounds 3] [--only entourage,prosody,ejabberd]
// Each server is killed (SIGKILL) and started again at once; all clients (PLAIN, XEP-0198 asked for) try again every 0 to 0.3 s
// until they are in. One server runs at a time.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Deployment } from '../tools/deployment.js';
import { startEjabberd } from '../tools/foreign/ejabberd.js';
import { startProsody } from '../tools/foreign/prosody.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { Storm, type StormResult, type StormTarget } from '../tools/storm.js';
import { median } from '../tools/trend.js';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'entourage,prosody,ejabberd' },
  },
});
const sessions = Number(values.sessions);
const names = ['writer', 'reader', ...Array.from({ length: sessions }, (_, i) => `storm${i}`)];
const users = Object.fromEntries(names.map((name) => [name, 'secret']));

type Started = { readonly target: StormTarget; stop(): Promise<void> };

function foreign(name: string, server: ForeignServer): Started {
  return {
    target: {
      name,
      address: { host: server.address, port: server.c2sPort },
      pid: () => server.pid,
      kill: () => server.kill('SIGKILL'),
      start: () => server.start(),
    },
    stop: () => server.stop(),
  };
}

const starters: Readonly<Record<string, () => Promise<Started | undefined>>> = {
  async entourage() {
    const deployment = await Deployment.start({
      core: { LOG_LEVEL: 'warn', LIMIT_UNAUTHENTICATED: '20000', NODE_OPTIONS: '--max-semi-space-size=8' },
      components: { LOG_LEVEL: 'warn' },
    });
    await deployment.core.addUsers(...names);
    return {
      target: {
        name: 'entourage',
        address: deployment.address(),
        pid: () => deployment.process('core').child.pid ?? 0,
        kill: () => deployment.kill('core'),
        start: () => deployment.begin('core'),
      },
      stop: () => deployment.stop(),
    };
  },
  async prosody() {
    const server = await startProsody({
      modules: ['offline', 'smacks', 'pep', 'vcard_legacy', 'blocklist', 'bosh'],
      plain: true,
      global: 'authentication = "internal_hashed"\n',
      users,
    });
    return server && foreign('Prosody', server);
  },
  async ejabberd() {
    const server = await startEjabberd({
      modules:
        '  mod_caps: {}\n  mod_offline: {}\n  mod_stream_mgmt: {}\n  mod_muc: {}\n  mod_pubsub: {plugins: [flat, pep]}\n  mod_vcard: {}\n  mod_blocking: {}\n  mod_privacy: {}\n',
      users,
    });
    return server && foreign('ejabberd', server);
  },
};

const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(0);
console.log(`${sessions} sessions, ${values.rounds} rounds, load average ${loadavg()[0]?.toFixed(1)}\n`);
console.log(
  '| server | ready ms | half back ms | 99 % back ms | all back ms | memory before / peak MiB | messages meanwhile p50 / p99 ms | refused for now |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const name of values.only.split(',')) {
  const started = await starters[name]?.();
  if (started === undefined) {
    console.log(`| ${name} | not installed |`);
    continue;
  }
  let storm: Storm | undefined;
  try {
    storm = await Storm.gather(started.target, sessions);
    const results: StormResult[] = [];
    for (let round = 0; round < Number(values.rounds); round++) results.push(await storm.strike());
    const cell = (pick: (result: StormResult) => number, digits = 0): string =>
      median(results.map(pick)).toFixed(digits);
    const refused = results.map(({ refusals }) => [...refusals].map(([why, n]) => `${why} ${n}`).join(', '));
    console.log(
      `| ${started.target.name} | ${cell((r) => r.ready)} | ${cell((r) => r.half)} | ${cell((r) => r.most)} | ${cell((r) => r.all)} | ` +
        `${mebibytes(median(results.map((r) => r.before)))} / ${mebibytes(median(results.map((r) => r.peak)))} | ` +
        `${cell((r) => r.messages.median, 1)} / ${cell((r) => r.messages.p99, 1)} | ${refused.at(-1)} |`,
    );
  } catch (error) {
    console.log(`| ${started.target.name} | failed: ${error} |`);
  } finally {
    await storm?.stop();
    await started.stop();
  }
}
process.exit(0);
