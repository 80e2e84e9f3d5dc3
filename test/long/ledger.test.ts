import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployment, type ProcessName } from '../tools/deployment.js';
import { Book, type Kind } from '../tools/ledger/book.js';
import { Chatter } from '../tools/ledger/chatters.js';
import { LedgerClient } from '../tools/ledger/client.js';
import { Random } from '../tools/ledger/random.js';
import { REGISTERS, Register } from '../tools/ledger/registers.js';
import { HISTORY, LedgerRoom } from '../tools/ledger/rooms.js';
import { WebChatter } from '../tools/ledger/web-chatter.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Resolves with whether it became true in time. */
async function eventually(fits: () => boolean, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!fits()) {
    if (performance.now() > end) return false;
    await after(100);
  }
  return true;
}

test('kill -9 of every process at random, under load: nothing acknowledged is lost or doubled', async (t) => {
  const seed = chosenSeed();
  console.log(`ledger: ENTOURAGE_SEED=${seed}`);
  const random = new Random(seed);
  const book = new Book();
  const deployment = await Deployment.start({
    core: { RESUMPTION_SECONDS: '60', LIMIT_OFFLINE_MESSAGES: '20000' },
    each: { muc: { MUC_HISTORY: String(HISTORY) } },
  });
  t.after(() => deployment.stop());

  const names = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
  const people: { user: string; kind: Kind }[] = [
    ...names('steady', 8).map((user) => ({ user, kind: 'steady' as const })),
    ...names('flaky', 4).map((user) => ({ user, kind: 'flaky' as const })),
    ...names('plain', 3).map((user) => ({ user, kind: 'plain' as const })),
    ...names('away', 4).map((user) => ({ user, kind: 'away' as const })),
    ...names('web', 3).map((user) => ({ user, kind: 'bosh' as const })),
  ];
  const roomers = names('roomer', 9);
  const owners = names('owner', 3);
  await deployment.core.addUsers(...people.map((one) => one.user), ...roomers, ...owners, 'spy', 'auditor');

  const { address } = deployment;
  const chatters = people
    .filter((one) => one.kind !== 'bosh')
    .map(({ user, kind }) => new Chatter({ book, address, user, kind, random }));
  const web = people
    .filter((one) => one.kind === 'bosh')
    .map(({ user }) => new WebChatter(user, () => deployment.boshPort, book));
  const away = chatters.filter((chatter) => chatter.kind === 'away');
  const speakers = chatters.filter((chatter) => chatter.kind !== 'away');
  await Promise.all(speakers.map((chatter) => chatter.client.start()));
  for (const one of web) one.start();

  const rooms: LedgerRoom[] = [];
  for (let i = 0; i < 3; i++) {
    const room = new LedgerRoom(`room${i}`, book);
    const occupants = roomers
      .slice(i * 3, i * 3 + 3)
      .map((user) => new Chatter({ book, address, user, kind: 'steady', random }));
    for (const occupant of occupants) {
      await occupant.client.start();
      await room.enter(occupant, occupant.client.bare.split('@')[0] ?? '');
      if (occupant === occupants[0]) await room.persist(occupant);
    }
    chatters.push(...occupants);
    rooms.push(room);
  }

  const spied: string[] = [];
  const keepers = owners.map(
    (user) =>
      new LedgerClient({
        address,
        user,
        resource: 'r',
        up: (resumed) =>
          resumed || keepers.find((one) => one.bare === `${user}@localhost`)?.send('<presence/>'),
        stanza: (stanza) => {
          if (stanza.name === 'message' && stanza.from?.startsWith('spy@') === true && stanza.type === 'chat')
            spied.push(stanza.source);
        },
      }),
  );
  await Promise.all(keepers.map((keeper) => keeper.start()));
  for (const keeper of keepers) {
    const blocked = await keeper.iq(
      'set',
      "<block xmlns='urn:xmpp:blocking'><item jid='spy@localhost'/></block>",
    );
    assert.equal(blocked?.type, 'result', blocked?.source);
  }
  const spy = new LedgerClient({ address, user: 'spy', resource: 'r' });
  await spy.start();
  const registers = REGISTERS.flatMap((kind) => keepers.map((keeper) => new Register(kind, keeper)));

  // ---- load ----
  let loading = true;
  const speaking = setInterval(() => {
    for (let i = 0; i < 3; i++) random.pick(speakers).say(random.pick(people));
    if (random.next() < 0.5) random.pick(web).say(random.pick(people));
    random.pick(rooms).sayAny(random.below(3));
    for (const room of rooms) room.rejoin();
    if (random.next() < 0.2)
      spy.send(`<message to='${random.pick(owners)}@localhost' type='chat'><body>psst</body></message>`);
    if (random.next() < 0.06) random.pick(chatters.filter((one) => one.kind === 'flaky')).client.cut();
  }, 50);
  const writing = registers.map(async (register) => {
    while (loading) {
      await register.step();
      await after(200);
    }
  });
  const visiting = away.map(async (chatter) => {
    while (loading) {
      await after(random.between(1000, 6000));
      if (!loading) break;
      await chatter.client.start();
      await after(random.between(100, 2000));
      await chatter.client.stop();
    }
  });

  // ---- deaths ----
  const kill = async (name: ProcessName, absence: number): Promise<void> => {
    book.died(name);
    await deployment.kill(name);
    await after(absence);
    await deployment.begin(name);
    book.isBack(name);
  };
  const end = performance.now() + attackMilliseconds({ short: 2, full: 10 });
  while (performance.now() < end) {
    await after(random.between(300, 3000));
    // the core, whose memory is all that is not durable, a third of the time
    const victims = [random.next() < 0.2 ? ('core' as const) : random.pick(deployment.names)];
    const other = random.pick(deployment.names);
    if (random.next() < 0.15 && other !== victims[0]) victims.push(other);
    await Promise.all(
      victims.map((name) =>
        // within the grace for components, and sometimes beyond it
        kill(
          name,
          name !== 'core' && random.next() < 0.2 ? random.between(5500, 7000) : random.between(0, 2000),
        ),
      ),
    );
  }

  // ---- everybody comes back, and takes what is theirs ----
  loading = false;
  clearInterval(speaking);
  await Promise.all([...writing, ...visiting]);
  const back = chatters.map((chatter) => (chatter.kind === 'away' ? chatter.client.start() : undefined));
  await Promise.all(back);
  const allBack = () =>
    chatters.every((chatter) => chatter.client.online) &&
    keepers.every((keeper) => keeper.online) &&
    web.every((one) => one.online) &&
    rooms.every((room) => room.joined);
  assert.ok(
    await eventually(() => {
      for (const room of rooms) room.rejoin();
      return allBack();
    }, 40_000),
    `not back: ${[...chatters.map((c) => c.client), ...keepers]
      .filter((client) => !client.online)
      .map((client) => `${client.jid}: ${client.reasons.join('; ')}`)
      .join(
        '\n',
      )} ${web.filter((one) => !one.online).map((one) => `${one.user}: ${[...one.ends]}`)} ${rooms.map((room) => `${room.jid} ${room.joined}`)}`,
  );
  let before = -1;
  for (let quiet = 0, rounds = 0; quiet < 5 && rounds < 60; rounds++) {
    await after(1000);
    const missing = book.missing().length;
    quiet = missing === before ? quiet + 1 : 0;
    before = missing;
  }

  // ---- the account ----
  const violations: string[] = [];
  for (const register of registers) {
    if (!(await register.check())) {
      await after(6000);
      if (!(await register.check()))
        violations.push(`${register.kind.name} of ${register.client.bare} cannot be read`);
    }
    violations.push(...register.violations);
  }
  for (const keeper of keepers) {
    const list = await keeper.iq('get', "<blocklist xmlns='urn:xmpp:blocking'/>");
    const there = new Set(
      [...(list?.source.matchAll(/n(\d+)@elsewhere/g) ?? [])].map((match) => Number(match[1])),
    );
    const blocks = registers.find((one) => one.kind.name === 'block list' && one.client === keeper);
    for (const n of blocks?.acknowledgedAll ?? [])
      if (!there.has(n))
        violations.push(`block list of ${keeper.bare}: n${n} was acknowledged and is not there`);
  }
  violations.push(...spied.map((message) => `a blocked sender's message arrived: ${message}`));
  for (const room of rooms) {
    const seen = new Set<string>();
    const auditor = new LedgerClient({
      address,
      user: 'auditor',
      resource: room.jid,
      stanza: (stanza) => {
        if (stanza.name === 'message' && stanza.id !== undefined) seen.add(stanza.id);
      },
    });
    await auditor.start();
    auditor.send(
      `<presence to='${room.jid}/auditor'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='${HISTORY}'/></x></presence>`,
    );
    const expected = room.reflected.slice(-HISTORY / 2);
    await eventually(() => expected.every((id) => seen.has(id)), 10_000);
    for (const id of expected)
      if (!seen.has(id)) violations.push(`${room.jid}: ${id} was reflected and is not in the history`);
    await auditor.stop();
  }
  const account = book.close();
  violations.push(...account.violations);
  console.log(account.lines.map((line) => `ledger: ${line}`).join('\n'));
  for (const kind of REGISTERS) {
    const all = registers.filter((register) => register.kind === kind);
    console.log(`ledger: ${all.map((register) => register.describe()).join('; ')}`);
  }
  for (const room of rooms) console.log(`ledger: ${room.jid} refused ${JSON.stringify([...room.refusals])}`);
  for (const one of web)
    console.log(
      `ledger: ${one.user} had ${one.sessions} sessions; ends: ${[...one.ends].map(([why, n]) => `${why} ${n}`).join(', ')}`,
    );

  await Promise.all([
    ...chatters.map((one) => one.client.stop()),
    ...keepers.map((one) => one.stop()),
    spy.stop(),
    ...web.map((one) => one.stop()),
  ]);
  assert.ok(book.deaths > 5);
  assert.deepEqual(violations.slice(0, 40), [], `${violations.length} violations; ENTOURAGE_SEED=${seed}`);
});
