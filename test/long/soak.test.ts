import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMPONENTS, Deployment, type ProcessName } from '../tools/deployment.js';
import { Book } from '../tools/ledger/book.js';
import { LedgerClient } from '../tools/ledger/client.js';
import { Random } from '../tools/ledger/random.js';
import { WebChatter } from '../tools/ledger/web-chatter.js';
import { attackMilliseconds, chosenSeed, FULL } from '../tools/long-mode.js';
import { Interests } from '../tools/pep/interested-client.js';
import { type Holding, probe, probed } from '../tools/probe.js';
import { joinComponent } from '../tools/raw-component.js';
import { TcpProxy } from '../tools/tcp-proxy.js';
import { trendOf } from '../tools/trend.js';

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

const PEOPLE = 60;
const VISITORS = 20;
const WINDOWS = 10;
/**
 * What may grow over the second half. In the short mode that is a minute and a half, in which caches (JIDs, tags, accounts) and
 * compiled code still fill: it only finds leaks of some size. The full mode holds to the 5 % of a quarter of an hour.
 */
const GROWTH = FULL ? 0.05 : 0.15;

/** The thread that writes to the store holds four descriptors, and goes when nothing was written for a minute. */
const REST = 6;

test('mixed load leaves memory and handles as they are', async (t) => {
  const seed = chosenSeed();
  console.log(`soak: ENTOURAGE_SEED=${seed}`);
  const random = new Random(seed);
  let proxy: TcpProxy | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'entourage-soak-'));
  const deployment = await Deployment.start({
    core: {
      RESUMPTION_SECONDS: '10',
      XMPP_DOMAINS: 'localhost',
      COMPONENTS: [...COMPONENTS, 'echo'].join(','),
      COMPONENT_ECHO_SECRET: 'secret',
      LOG_LEVEL: 'error',
      ...probed(folder),
    },
    components: { LOG_LEVEL: 'error', ...probed(folder) },
    between: async (core) => {
      proxy = await TcpProxy.to(core);
      return { host: '127.0.0.1', port: proxy.port };
    },
  });
  t.after(async () => {
    await deployment.stop();
    await proxy?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const people = names('person', PEOPLE);
  const visitors = names('visitor', VISITORS);
  const webs = names('web', 4);
  await deployment.core.addUsers(...people, ...visitors, ...webs);
  const holdings = async (): Promise<Map<ProcessName, Holding>> => {
    const found = new Map<ProcessName, Holding>();
    for (const name of deployment.names) found.set(name, await probe(deployment.process(name), folder));
    return found;
  };
  const atRest = await holdings();

  // ---- who is there ----
  const interests = new Interests('urn:example:mood');
  let received = 0;
  const clients = people.map(
    (user, i) =>
      new LedgerClient({
        address: deployment.address,
        user,
        resource: 'r',
        managed: i % 3 !== 0,
        stanza: () => received++,
        answer: (request) =>
          request.payload?.namespace === 'http://jabber.org/protocol/disco#info'
            ? interests.info(/node=['"]([^'"]*)['"]/.exec(request.source)?.[1] ?? '')
            : null,
        up: (resumed) => {
          if (resumed) return;
          clients[i]?.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
          clients[i]?.send(interests.presence);
        },
      }),
  );
  await Promise.all(clients.map((client) => client.start()));
  const client = (i: number): LedgerClient => {
    const found = clients[i % PEOPLE];
    if (found === undefined) throw new Error('nobody');
    return found;
  };
  // everybody knows the next four
  for (let i = 0; i < PEOPLE; i++)
    for (let step = 1; step <= 4; step++) {
      client(i).send(`<presence type='subscribe' to='${client(i + step).bare}'/>`);
      client(i + step).send(`<presence type='subscribed' to='${client(i).bare}'/>`);
    }
  const enter = (i: number, room: number) =>
    client(i).send(
      `<presence to='room${room}@conference.localhost/n${i}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    );
  for (let i = 0; i < 40; i++) enter(i, i % 4);
  const book = new Book();
  const web = webs.map((user) => new WebChatter(user, () => deployment.boshPort, book));

  // ---- what happens ----
  let loading = true;
  let acts = 0;
  const some = () => client(random.below(PEOPLE));
  const chances: readonly [weight: number, act: () => void][] = [
    [40, () => some().send(`<message to='${some().jid}' type='chat'><body>hello &amp; ü</body></message>`)],
    [
      8,
      () =>
        some().send(
          `<message to='${random.pick(visitors)}@localhost' type='chat'><body>later</body></message>`,
        ),
    ],
    [
      10,
      () => {
        const i = random.below(40);
        client(i).send(
          `<message to='room${i % 4}@conference.localhost' type='groupchat'><body>all</body></message>`,
        );
      },
    ],
    [
      3,
      () => {
        const i = random.below(40);
        const room = i % 4;
        client(i).send(`<presence type='unavailable' to='room${room}@conference.localhost/n${i}'/>`);
        enter(i, room);
      },
    ],
    [
      1,
      () => {
        const who = some();
        const room = `brief${random.below(1_000_000)}@conference.localhost`;
        who.send(`<presence to='${room}/x'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
        who.send(`<presence type='unavailable' to='${room}/x'/>`);
      },
    ],
    [
      6,
      () =>
        some().send(
          interests.presence.replace('<presence>', `<presence><status>${random.below(1000)}</status>`),
        ),
    ],
    [
      4,
      () =>
        void some().iq(
          'set',
          "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:example:mood'><item id='current'>" +
            `<m xmlns='urn:example:mood'>${random.below(1000)}</m></item></publish></pubsub>`,
        ),
    ],
    [2, () => void some().iq('set', `<vCard xmlns='vcard-temp'><FN>${random.below(1000)}</FN></vCard>`)],
    [4, () => void some().iq('get', "<vCard xmlns='vcard-temp'/>", some().bare)],
    [4, () => void some().iq('get', "<query xmlns='jabber:iq:roster'/>")],
    [4, () => void some().iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost')],
    [
      1,
      () => {
        const who = some();
        const item = `<item jid='x${random.below(50)}@elsewhere.example'/>`;
        void who
          .iq('set', `<block xmlns='urn:xmpp:blocking'>${item}</block>`)
          .then(() => who.iq('set', `<unblock xmlns='urn:xmpp:blocking'>${item}</unblock>`));
      },
    ],
    [
      2,
      () =>
        void some().iq(
          'set',
          `<query xmlns='jabber:iq:roster'><item jid='y${random.below(30)}@elsewhere.example' name='${random.below(1000)}'/></query>`,
        ),
    ],
    [2, () => void some().iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'echo.localhost')],
    [1, () => some().cut()],
    [4, () => random.pick(web).say({ user: random.pick(people), kind: 'steady' })],
  ];
  const weights = chances.reduce((sum, [weight]) => sum + weight, 0);
  const acting = setInterval(() => {
    for (let i = 0; i < 8; i++) {
      let left = random.next() * weights;
      for (const [weight, act] of chances) {
        left -= weight;
        if (left > 0) continue;
        act();
        acts++;
        break;
      }
    }
  }, 40);
  const visiting = visitors.map(async (user, i) => {
    while (loading) {
      const visitor: LedgerClient = new LedgerClient({
        address: deployment.address,
        user,
        resource: `r${random.below(1000)}`,
        managed: i % 2 === 0,
        stanza: () => received++,
        up: () => visitor.send('<presence/>'),
      });
      await visitor.start();
      await after(random.between(300, 2500));
      // some go without a word: their sessions wait for them in vain
      await visitor.stop(random.next() < 0.8);
      await after(random.between(300, 2500));
    }
  });
  const browsing = webs.map(async (user) => {
    while (loading) {
      const one = web[webs.indexOf(user)];
      const now = new WebChatter(user, () => deployment.boshPort, book);
      if (one !== undefined) web[webs.indexOf(user)] = now;
      now.start();
      await after(random.between(3000, 9000));
      await now.stop();
    }
  });
  const strangers = (async () => {
    while (loading) {
      const echo = await joinComponent(deployment.core, 'echo.localhost').catch(() => null);
      await after(random.between(1000, 4000));
      if (echo === null) continue;
      if (random.next() < 0.5) await echo.close();
      else echo.cut();
      echo.received.length = 0;
    }
  })();
  const cutting = (async () => {
    while (loading) {
      await after(20_000);
      if (loading) proxy?.cut();
    }
  })();

  // ---- what is held meanwhile ----
  const every = FULL ? 10_000 : 4000;
  const samples = new Map<ProcessName, Holding[]>();
  const end = performance.now() + attackMilliseconds({ short: 3, full: 30 });
  while (performance.now() < end) {
    await after(every);
    for (const [name, holding] of await holdings())
      samples.set(name, [...(samples.get(name) ?? []), holding]);
  }
  loading = false;
  clearInterval(acting);
  await Promise.all([...visiting, ...browsing, strangers, cutting]);
  await Promise.all(clients.map((one) => one.stop()));
  // the sessions that wait for a client, the idle connections
  await after(15_000);
  const afterwards = await holdings();

  // ---- the account ----
  const failures: string[] = [];
  console.log(`soak: ${acts} acts, ${received} stanzas received, samples every ${every / 1000} s`);
  for (const [name, all] of samples) {
    const half = all.slice(Math.floor(all.length / 2));
    const memory = trendOf(
      half.map((one) => one.heapUsed + one.external),
      WINDOWS,
    );
    const descriptors = trendOf(
      half.map((one) => one.descriptors),
      WINDOWS,
    );
    const rss = trendOf(
      half.map((one) => one.rss),
      WINDOWS,
    );
    const rest = [atRest.get(name)?.descriptors ?? 0, afterwards.get(name)?.descriptors ?? 0] as const;
    console.log(
      `soak: ${name}: heap and buffers ${mebibytes(memory.level)} MiB, growth ${percent(memory.growth)}; ` +
        `resident ${mebibytes(rss.level)} MiB, growth ${percent(rss.growth)}; descriptors ${descriptors.level}, growth ` +
        `${percent(descriptors.growth)}; at rest before and after ${rest.join(' and ')}`,
    );
    if (memory.growth > GROWTH) failures.push(`${name}: memory grew by ${percent(memory.growth)}`);
    // a handful of descriptors more or less is one client more or less
    if (descriptors.growth > GROWTH && descriptors.growth * descriptors.level > 3)
      failures.push(`${name}: descriptors grew by ${percent(descriptors.growth)}`);
    if (rest[1] > rest[0] + REST)
      failures.push(
        `${name}: ${rest[0]} descriptors at rest before, ${rest[1]} after: ${JSON.stringify(afterwards.get(name)?.counts)}`,
      );
  }
  for (const name of deployment.names) {
    const { exitCode, signalCode } = deployment.process(name).child;
    if (exitCode !== null || signalCode !== null) failures.push(`${name} ended`);
  }
  assert.deepEqual(failures, [], `ENTOURAGE_SEED=${seed}`);
});

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
