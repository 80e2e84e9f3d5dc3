import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Deployment } from '../../tools/cli.js';
import { RawClient } from '../../tools/raw-client.js';

/** A table's rows by their first column; cells are two spaces or more apart. */
function rows(text: string): Map<string, string[]> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [first = '', ...rest] = line.split(/ {2,}/);
        return [first, rest] as const;
      }),
  );
}

test('status prints what the status page shows: stanzas per second, what waits, latencies, of each process', async (t) => {
  const deployment = new Deployment(t, {
    COMPONENTS: 'vcard',
    C2S_REQUIRE_TLS: 'false',
    METRICS_PORT: 'auto',
    COMPONENT_GRACE_SECONDS: '30',
  });
  await deployment.start(['start'], 'ready ');
  await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'secret']);
  const runFile = deployment.runFile('core');
  const client = await RawClient.connect(
    '127.0.0.1',
    Number(/:(\d+)$/.exec(runFile.addresses['c2s'] ?? '')?.[1]),
  );
  t.after(() => client.cut());
  await client.login('juliet', 'secret', 'localhost', 'balcony');
  await client.goOnline();

  // forty vCards a second are asked for: each is two stanzas on the component's link, and two in the core
  let asked = 0;
  const work = setInterval(
    () => client.send(`<iq type='get' id='v${++asked}'><vCard xmlns='vcard-temp'/></iq>`),
    25,
  );
  const busy = await deployment.run(['status']);
  const response = await fetch(`http://${runFile.addresses.metrics}/status.json`);
  const page = (await response.json()) as { neighbours: { name: string; up: boolean; waiting: number }[] };
  clearInterval(work);
  assert.equal(busy.code, 0, busy.out + busy.error);
  const [processes = '', links = ''] = busy.out.split('\n\n');
  assert.match(processes, /^PROCESS +PID +STATE +UP +MEMORY +STANZAS\/S +FACTS +ADDRESSES/);
  assert.match(links, /^LINK +ADDRESS +STATE +STANZAS\/S +WAITING +LATENCY/);
  const core = rows(processes).get('core') ?? [];
  assert.match(core.join(' '), /ready .* MiB \d+ sessions=1, client streams=1 /);
  assert.ok(Number(core[4]) >= 20, `the core's stanzas a second: ${core[4]}`);
  assert.ok(Number(rows(processes).get('vcard')?.[4]) >= 30, busy.out);
  const link = rows(links).get('core - vcard') ?? [];
  assert.deepEqual([link[0], link[1], link[3]], ['vcard.localhost', 'up', '0'], busy.out);
  assert.ok(Number(link[2]) >= 30 && Number(link[2]) < 300, `the link's stanzas a second: ${link[2]}`);
  assert.match(link[4] ?? '', /^[\d.]+ ms$/);
  assert.deepEqual(rows(links).get('vcard - localhost')?.[1], 'up');
  // the page is drawn from the same
  assert.deepEqual(
    page.neighbours.map(({ name, up, waiting }) => [name, up, waiting]),
    [['vcard', true, 0]],
  );

  const quiet = JSON.parse((await deployment.run(['status', '--json'])).out);
  assert.equal(quiet.length, 2);
  assert.equal(quiet[0].neighbours[0].name, 'vcard');
  assert.ok(quiet[0].stanzasPerSecond < 20);

  // one that hangs is named
  const vcard = deployment.runFile('vcard');
  process.kill(vcard.pid, 'SIGSTOP');
  const stopped = await deployment.run(['status']).finally(() => process.kill(vcard.pid, 'SIGCONT'));
  assert.equal(stopped.code, 1);
  assert.match(stopped.out, /^vcard .*not ready: does not answer/m);
  await client.close();
});

test('V8_OPTIONS goes to every process, with a prefix to one, behind what each has anyway', async (t) => {
  const deployment = new Deployment(t, {
    COMPONENTS: 'vcard',
    V8_OPTIONS: '--max-old-space-size=301',
    VCARD_V8_OPTIONS: '--max-old-space-size=302 --max-semi-space-size=6',
  });
  await deployment.start(['start'], 'ready ');
  const options = (name: string): string[] => {
    const file = deployment.runFile(name);
    const words = readFileSync(`/proc/${file.pid}/cmdline`, 'utf8').split('\0');
    return words.filter((word) => word.startsWith('--max'));
  };
  assert.deepEqual(options('core'), ['--max-semi-space-size=8', '--max-old-space-size=301']);
  assert.deepEqual(options('vcard'), [
    '--max-semi-space-size=4',
    '--max-old-space-size=302',
    '--max-semi-space-size=6',
  ]);

  const wrong = new Deployment(t, { V8_OPTIONS: 'lots of memory' });
  const refused = await wrong.run(['start']);
  assert.equal(refused.code, 78);
  assert.match(refused.error + refused.out, /V8_OPTIONS.*expected options of V8/);
});
