import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { control } from '../../shared/cli/control-client.js';
import { BoshClient } from '../tools/bosh-client.js';
import { ProcessUnderTest, QUIET } from '../tools/core-harness.js';
import { Deployment } from '../tools/deployment.js';
import { after, eventually, isReady, METRICS, publish, rosterSet } from '../tools/faults.js';
import { FULL } from '../tools/long-mode.js';
import { RawClient } from '../tools/raw-client.js';

// What the host gives breaks: the clock, file descriptors.

const HOUR = 3_600_000;

test('the clock set forward and back by an hour: sessions, links and time limits hold', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-clock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'offset');
  writeFileSync(file, '0');
  const clock = {
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, '..', 'tools', 'preload', 'clock.js')).href}`,
    ENTOURAGE_CLOCK: file,
  };
  const deployment = await Deployment.start({
    core: { ...clock, ...METRICS, RESUMPTION_SECONDS: '4' },
    components: { ...clock, ...METRICS, CORE_KEEPALIVE_SECONDS: '2' },
    each: { muc: { MUC_RATE: '5', MUC_BURST: '10' }, bosh: { BOSH_INACTIVITY: '3' } },
  });
  t.after(() => deployment.stop());
  const { core } = deployment;
  await core.addUsers('juliet', 'romeo', 'away', 'web');
  const juliet = await core.online('juliet');
  const room = 'tower@conference.localhost';
  juliet.send(`<presence to='${room}/juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await juliet.stanza((stanza) => stanza.name === 'message' && stanza.from === room);
  const ups = () => core.process.output.match(/"code":"component\.up"/g)?.length ?? 0;
  const linked = ups();
  let offset = 0;
  let round = 0;
  for (const jump of FULL ? [HOUR, -HOUR, -HOUR, HOUR, -HOUR] : [HOUR, -2 * HOUR]) {
    round++;
    // who is away for a moment, with a session that waits
    const romeo = await core.login('romeo', `r${round}`);
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    const previous = (await romeo.element('enabled')).attribute('id');
    const leaver = await core.online('romeo', `l${round}`);
    leaver.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    await leaver.stanza((stanza) => stanza.name === 'enabled');
    romeo.cut();
    leaver.cut();
    const web = new BoshClient(deployment.boshPort);
    const created = await web.create({ to: 'localhost', wait: 2, hold: 1 });
    assert.ok(created.body.attrs['sid'], created.text);
    const held = web.send();

    offset += jump;
    writeFileSync(file, String(offset));
    for (const name of deployment.names) deployment.process(name).child.kill('SIGUSR2');
    await after(300);

    // its session waits still
    const again = await core.connect();
    await again.open('localhost');
    await again.authenticate('romeo', 'secret', 'localhost');
    again.send(`<resume xmlns='urn:xmpp:sm:3' previd='${previous}' h='0'/>`);
    await again.stanza((stanza) => stanza.name === 'resumed');
    await again.close();
    // the request over BOSH is held as long as was agreed, no longer, and its session goes on
    assert.equal((await held).status, 200);
    assert.notEqual((await web.send()).body.attrs['type'], 'terminate');
    // rooms count by another clock what may be said
    for (let i = 0; i < 3; i++) {
      const id = `m${round}-${i}`;
      juliet.send(`<message to='${room}' type='groupchat' id='${id}'><body>${id}</body></message>`);
      const said = await juliet.stanza((stanza) => stanza.name === 'message' && stanza.id === id);
      assert.equal(said.type, 'groupchat', said.source);
    }
    for (const payload of [
      rosterSet(round),
      `<vCard xmlns='vcard-temp'><FN>${round}</FN></vCard>`,
      publish(`${round}`),
    ])
      assert.equal((await juliet.iq('set', payload)).type, 'result');
    // stamps say what the clock says
    juliet.send(`<message to='away@localhost' type='chat' id='o${round}'><body>later</body></message>`);
    await juliet.ping();
    const away = await core.online('away');
    const late = await away.stanza((stanza) => stanza.id === `o${round}`);
    const stamp = Date.parse(/stamp=['"]([^'"]+)/.exec(late.source)?.[1] ?? '');
    assert.ok(Math.abs(stamp - (Date.now() + offset)) < 60_000, late.source);
    await away.close();
    // who does not come back is given up after as many seconds as were promised, whatever the clock says
    await after(4500);
    const count = (await core.control('status')) as { sessions: number };
    assert.equal(count.sessions, 1, 'only Juliet is left');
    await after(3500);
    const gone = await web.send();
    assert.ok(gone.status === 404 || gone.body.attrs['type'] === 'terminate', gone.text);
  }
  assert.equal(ups(), linked, 'no component had to come again');
  for (const name of deployment.names) assert.ok(await isReady(deployment.process(name)), name);
});

test('no file descriptors left: newcomers are closed, said once, sessions go on, and it recovers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-files-'));
  const limited = ['bash', '-c', 'ulimit -n 192; exec "$0" "$@"'];
  const secret = { COMPONENT_MUC_SECRET: 'secret', COMPONENTS: 'muc' };
  const core = new ProcessUnderTest(
    'core',
    folder,
    {
      ...QUIET,
      LIMIT_UNAUTHENTICATED_PER_ADDRESS: '10000',
      LIMIT_CONNECTIONS_PER_ADDRESS: '10000',
      LOG_LEVEL: 'info',
      ...secret,
    },
    limited,
  );
  t.after(async () => {
    await core.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const addresses = await core.ready();
  const port = Number(/:(\d+)$/.exec(addresses['c2s'] ?? '')?.[1]);
  for (const name of ['juliet', 'romeo', 'away'])
    await control(
      join(folder, 'run', 'core.sock'),
      'user.add',
      { jid: `${name}@localhost`, password: 'secret' },
      20_000,
    );
  const online = async (user: string): Promise<RawClient> => {
    const client = await RawClient.connect('127.0.0.1', port);
    await client.login(user, 'secret', 'localhost', 'r');
    await client.goOnline();
    return client;
  };
  const juliet = await online('juliet');
  const romeo = await online('romeo');
  const idlers: Socket[] = [];
  let closed = 0;
  for (let i = 0; i < 300; i++) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.on('close', () => closed++);
    socket.resume();
    idlers.push(socket);
  }
  await eventually('newcomers are closed', () => closed >= 100);
  const before = cpuOf(core.child.pid);
  for (let i = 0; i < 20; i++) {
    juliet.send(`<message to='${romeo.jid}' type='chat' id='m${i}'><body>${i}</body></message>`);
    await romeo.stanza((stanza) => stanza.id === `m${i}`);
    assert.equal((await juliet.iq('set', rosterSet(i))).type, 'result');
  }
  juliet.send("<message to='away@localhost' type='chat' id='o'><body>stored</body></message>");
  await juliet.ping();
  await after(2000);
  const seconds = cpuOf(core.child.pid) - before;
  assert.ok(seconds < 1.5, `no busy loop: ${seconds} s of CPU time in some 2 s`);
  assert.equal(core.output.match(/process\.descriptors-exhausted/g)?.length, 1, core.output.slice(-3000));
  for (const socket of idlers) socket.destroy();
  const end = performance.now() + 15_000;
  for (;;) {
    try {
      const away = await online('away');
      await away.stanza((stanza) => stanza.id === 'o');
      break;
    } catch (error) {
      assert.ok(performance.now() < end, String(error));
      await after(200);
    }
  }
  assert.equal((await juliet.iq('set', rosterSet(100))).type, 'result');
});

/** CPU time of a process so far, in seconds (proc(5): fields 14 and 15 of stat, in hundredths). */
function cpuOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
