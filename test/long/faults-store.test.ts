import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CoreUnderTest, ProcessUnderTest, QUIET } from '../tools/core-harness.js';
import { Deployment } from '../tools/deployment.js';
import { after, eventually, isReady, METRICS, publish, rosterSet } from '../tools/faults.js';
import { startTestServer } from '../tools/ferretdb/server.js';
import { Random } from '../tools/ledger/random.js';
import { chosenSeed, FULL } from '../tools/long-mode.js';
import { RawClient } from '../tools/raw-client.js';
import { SmallDisk } from '../tools/small-disk.js';
import { TcpProxy } from '../tools/tcp-proxy.js';

// What keeps the state breaks: the disk, the file, the database.

/** The condition of an error, with its type; `result` for a result. */
function outcome(answer: { type: string | undefined; source: string }): string {
  if (answer.type !== 'error') return answer.type ?? 'none';
  const error = /<error([^>]*)>.*?<([a-z-]+)/.exec(answer.source);
  return `${/type=['"]([a-z]+)/.exec(error?.[1] ?? '')?.[1]} ${error?.[2]}`;
}

/** Runs `start` with the folder of temporary files on another disk. */
async function on<T>(folder: string, start: () => Promise<T>): Promise<T> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

async function eventuallyResult(
  client: RawClient,
  payload: string,
  milliseconds = 60_000,
  to?: string,
): Promise<void> {
  const end = performance.now() + milliseconds;
  for (;;) {
    const answer = await client.iq('set', payload, to);
    if (answer.type === 'result') return;
    assert.ok(performance.now() < end, answer.source);
    await after(200);
  }
}

test('disk full: what needs the store is refused for now, everything else goes on, and it recovers', async (t) => {
  const disk = SmallDisk.mount(24);
  if ('skip' in disk) return t.skip(disk.skip);
  t.after(() => disk.unmount());
  const deployment = await on(disk.folder, () => Deployment.start({ core: METRICS, components: METRICS }));
  t.after(() => deployment.stop());
  const { core } = deployment;
  await core.addUsers('juliet', 'romeo', 'away');
  const juliet = await core.online('juliet');
  const romeo = await core.online('romeo');
  const room = 'tower@conference.localhost';
  juliet.send(`<presence to='${room}/juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await juliet.stanza((stanza) => stanza.name === 'message' && stanza.from === room);
  await juliet.iq(
    'set',
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
    room,
  );
  const vcard = (text: string) => `<vCard xmlns='vcard-temp'><FN>${text}</FN></vCard>`;
  const block = (name: string) => `<block xmlns='urn:xmpp:blocking'><item jid='${name}@x.example'/></block>`;
  for (const payload of [rosterSet(0), vcard('before'), publish('before'), block('before')])
    assert.equal((await juliet.iq('set', payload)).type, 'result');

  disk.fill();
  const padding = 'p'.repeat(900);
  const REFUSED = /^wait (resource-constraint|internal-server-error)$/;
  /** A little may still find room inside the file of the store: until there is none. */
  const untilRefused = async (what: string, send: (n: number) => Promise<string>): Promise<void> => {
    for (let n = 1; n < 400; n++) {
      const answer = await send(n);
      if (answer === 'result' || answer === 'groupchat') continue;
      assert.match(answer, REFUSED, what);
      return;
    }
    assert.fail(`${what} was never refused`);
  };
  const acknowledged: number[] = [];
  await untilRefused('a roster item', async (n) => {
    const answer = outcome(await juliet.iq('set', rosterSet(n, padding)));
    if (answer === 'result') acknowledged.push(n);
    return answer;
  });
  await untilRefused('a vCard', async (n) =>
    outcome(await juliet.iq('set', vcard(`${n}${'v'.repeat(30_000)}`))),
  );
  await untilRefused('an item', async (n) =>
    outcome(await juliet.iq('set', publish(`${n}${'i'.repeat(30_000)}`))),
  );
  await untilRefused('a block', async (n) => {
    const items = Array.from(
      { length: 100 },
      (_, i) => `<item jid='${'b'.repeat(200)}${n}-${i}@x.example'/>`,
    );
    return outcome(await juliet.iq('set', `<block xmlns='urn:xmpp:blocking'>${items.join('')}</block>`));
  });
  await untilRefused('a groupchat message', async (n) => {
    juliet.send(`<message to='${room}' type='groupchat' id='g${n}'><body>${n}${padding}</body></message>`);
    const answer = await juliet.stanza((stanza) => stanza.name === 'message' && stanza.id === `g${n}`);
    return outcome(answer);
  });
  let stored = 0;
  await untilRefused('a message for later', async (n) => {
    juliet.send(`<message to='away@localhost' type='chat' id='o${n}'><body>${n}${padding}</body></message>`);
    await juliet.ping();
    // the store answers the message after the ping
    await after(100);
    const item = juliet.received.find((one) => one.kind === 'element' && one.stanza.id === `o${n}`);
    if (item?.kind === 'element') return outcome(item.stanza);
    stored++;
    return 'result';
  });
  for (const name of ['core', 'muc', 'vcard', 'pep'] as const) {
    await deployment.process(name).said(/"code":"storage\.failing"/);
    await eventually(
      `${name} says that it is not ready`,
      async () => !(await isReady(deployment.process(name))),
    );
  }
  // what needs no store
  juliet.send(`<message to='${romeo.jid}' type='chat' id='live'><body>still here</body></message>`);
  await romeo.stanza((stanza) => stanza.id === 'live');
  const another = await core.online('romeo', 'second');
  assert.equal((await another.iq('get', "<query xmlns='jabber:iq:roster'/>")).type, 'result');

  disk.empty();
  await eventuallyResult(juliet, rosterSet(1000));
  await eventuallyResult(juliet, vcard('after'));
  await eventuallyResult(juliet, publish('after'));
  for (const name of deployment.names)
    await eventually(`${name} is ready again`, () => isReady(deployment.process(name)));
  await core.restart('SIGKILL');
  const back = await core.login('juliet');
  const roster = await back.iq('get', "<query xmlns='jabber:iq:roster'/>");
  for (const n of [0, ...acknowledged, 1000])
    assert.ok(roster.source.includes(`c${n}@elsewhere`), `item ${n} was acknowledged`);
  const away = await core.online('away');
  for (let n = 1; n <= stored; n++) await away.stanza((stanza) => stanza.id === `o${n}`);
});

test('a store that is read-only at start: said, and the exit code tells', async (t) => {
  const disk = SmallDisk.mount(8);
  if ('skip' in disk) return t.skip(disk.skip);
  t.after(() => disk.unmount());
  const core = await on(disk.folder, () => CoreUnderTest.start());
  t.after(() => core.stop());
  await core.process.stop();
  assert.ok(disk.readOnly());
  await assert.rejects(core.restart());
  assert.equal(core.process.child.exitCode, 1);
  assert.match(core.process.output, /"code":"process\.start-failed".*EROFS|read-only/);
});

test('a damaged store at start: said which, a code of its own, no crash; or what is left of it works', async (t) => {
  const seed = chosenSeed();
  const random = new Random(seed);
  console.log(`faults: damaged stores: ENTOURAGE_SEED=${seed}`);
  const core = await CoreUnderTest.start({ LOG_LEVEL: 'info' });
  t.after(() => core.stop());
  await core.addUsers('juliet', ...Array.from({ length: 40 }, (_, i) => `user${i}`));
  const juliet = await core.login('juliet');
  for (let n = 0; n < 60; n++) await juliet.iq('set', rosterSet(n, 'x'.repeat(300)));
  await core.process.stop();
  const file = join('core', 'data.mdb');
  const { size } = statSync(join(core.dataFolder, file));
  const damages: [string, (path: string) => void][] = [0.1, 0.4, 0.8].map((share) => [
    `cut off at ${share}`,
    (path) => truncateSync(path, Math.floor(size * share)),
  ]);
  for (let i = 0; i < (FULL ? 60 : 10); i++) {
    const page = random.below(size / 8192);
    damages.push([
      `page ${page} overwritten`,
      (path) => {
        const bytes = readFileSync(path);
        for (let at = page * 8192; at < (page + 1) * 8192; at++) bytes[at] = random.below(256);
        writeFileSync(path, bytes);
      },
    ]);
  }
  damages.push(['another file', (path) => writeFileSync(path, 'this is not a store'.repeat(1000))]);
  let refused = 0;
  for (const [name, damage] of damages) {
    const folder = mkdtempSync(join(tmpdir(), 'entourage-damaged-'));
    cpSync(join(core.dataFolder, 'core'), join(folder, 'core'), { recursive: true });
    damage(join(folder, file));
    const damaged = new ProcessUnderTest('core', folder, {
      ...QUIET,
      LOG_LEVEL: 'info',
    });
    try {
      const started = await damaged.ready(60_000).catch(() => null);
      if (started === null) {
        refused++;
        assert.equal(damaged.child.signalCode, null, `${name}: ${damaged.output}`);
        assert.equal(damaged.child.exitCode, 65, `${name}: ${damaged.output}`);
        assert.match(damaged.output, /"code":"process\.start-failed".*data\.mdb/, name);
      } else {
        const port = Number(/:(\d+)$/.exec(started['c2s'] ?? '')?.[1]);
        for (const user of ['juliet', 'user1', 'user30']) {
          const client = await RawClient.connect('127.0.0.1', port);
          // one whose document is damaged is refused, which is all that may happen
          await client.login(user, 'secret', 'localhost', 'r').catch(() => {});
          client.cut();
        }
        assert.equal(damaged.child.signalCode ?? damaged.child.exitCode, null, `${name}: ${damaged.output}`);
      }
    } finally {
      await damaged.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }
  console.log(`faults: of ${damages.length} damaged stores ${refused} were refused at start`);
  assert.ok(refused >= 4);
});

test('the database away: waited for or refused for now, nothing acknowledged lost, and it recovers', async (t) => {
  const database = await startTestServer();
  if (database.skip !== undefined) return t.skip(database.skip);
  t.after(() => database.stop());
  const target = new URL(database.url);
  const proxy = await TcpProxy.to({ host: target.hostname, port: Number(target.port || 27017) });
  t.after(() => proxy.close());
  const url = new URL(database.url);
  url.host = `127.0.0.1:${proxy.port}`;
  url.pathname = `/faults${process.pid}`;
  url.searchParams.set('directConnection', 'true');
  const deployment = await Deployment.start({
    core: { STORAGE_URL: url.href, DATA_DIR: '.', ...METRICS },
    components: { STORAGE_URL: url.href, DATA_DIR: '.', ...METRICS },
    names: ['vcard', 'muc', 'pep'],
  });
  t.after(() => deployment.stop());
  const { core } = deployment;
  await core.addUsers('juliet', 'romeo', 'away', 'late');
  for (const silent of [false, true]) {
    const juliet = await core.online('juliet');
    const romeo = await core.online('romeo');
    const acknowledged: number[] = [];
    const outcomes = new Map<string, number>();
    let sent = silent ? 5000 : 1;
    let asking = true;
    const asked: Promise<void>[] = [];
    const ask = (n: number): Promise<void> =>
      juliet
        .iq('set', rosterSet(n), undefined, `r${n}`)
        .catch(() => juliet.stanza((stanza) => stanza.id === `r${n}` && stanza.name === 'iq', 90_000))
        .then((answer) => {
          const said = outcome(answer);
          outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
          if (said === 'result') acknowledged.push(n);
          else assert.match(said, /^wait /, answer.source);
        });
    const load = (async () => {
      while (asking) {
        asked.push(ask(sent++));
        juliet.send(`<message to='${romeo.jid}' type='chat' id='live${sent}'><body>live</body></message>`);
        await romeo.stanza((stanza) => stanza.id === `live${sent}`);
        await after(100);
      }
    })();
    await after(1000);
    if (silent) proxy.silence();
    else proxy.refuse();
    const awayFor = FULL ? 60_000 : silent ? 11_000 : 5000;
    await eventually(
      'the core says that it is not ready',
      async () => !(await isReady(core.process)),
      20_000,
    );
    await after(awayFor);
    proxy.restore();
    await eventually('the core is ready again', () => isReady(core.process), 30_000);
    await eventuallyResult(juliet, `<vCard xmlns='vcard-temp'><FN>back${silent}</FN></vCard>`);
    asking = false;
    await load;
    await Promise.all(asked);
    console.log(
      `faults: database ${silent ? 'silent' : 'refusing'} for ${awayFor / 1000} s: ${[...outcomes].map(([said, n]) => `${said} ${n}`).join(', ')}`,
    );
    const roster = await juliet.iq('get', "<query xmlns='jabber:iq:roster'/>");
    for (const n of acknowledged) assert.ok(roster.source.includes(`c${n}@`), `item ${n} was acknowledged`);
    await core.restart('SIGKILL');
    const back = await core.login('juliet', 'check');
    const kept = await back.iq('get', "<query xmlns='jabber:iq:roster'/>");
    for (const n of acknowledged) assert.ok(kept.source.includes(`c${n}@`), `item ${n} was acknowledged`);
    await back.close();
  }
});
