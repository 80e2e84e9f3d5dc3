import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeMuc } from '../../../components/muc/muc.js';
import type { MucService } from '../../../components/muc/muc-service.js';
import type { Component } from '../../../shared/component/component.js';
import { createMetrics } from '../../../shared/observability/metrics.js';
import { createMemoryStorage, type MemoryStorage } from '../../../shared/storage/memory.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const ROOM = 'coven@chat.example';
const JOIN = "<x xmlns='http://jabber.org/protocol/muc'/>";

interface Harness {
  readonly service: MucService;
  readonly storage: MemoryStorage;
  readonly sent: string[];
  /** Whether it has been told to stop for another. */
  readonly superseded: boolean;
  receive(xml: string): void;
  /** Everything received so far has been answered. */
  settled(): Promise<void>;
}

/** The service without process, socket and disk. */
async function harness(
  synchronous: boolean,
  storage = createMemoryStorage({ synchronous }),
): Promise<Harness> {
  const sent: string[] = [];
  const handlers: Record<string, (stanza: Stanza) => void> = {};
  let superseded = false;
  let up: () => void = () => undefined;
  const log = recordingLogger();
  const component = {
    domain: 'chat.example',
    jid: jid('chat.example'),
    log,
    disco: { identity() {}, feature() {} },
    server: { connected: true, features: new Set() },
    onIq() {},
    onOtherIq: (handler: (stanza: Stanza) => void) => {
      handlers['iq'] = handler;
    },
    onMessage: (handler: (stanza: Stanza) => void) => {
      handlers['message'] = handler;
    },
    onPresence: (handler: (stanza: Stanza) => void) => {
      handlers['presence'] = handler;
    },
    onUp: (handler: () => void) => {
      up = handler;
    },
    onDown() {},
    drained: () => Promise.resolve(),
    send(text: string) {
      const ping = /^<iq type='get' from='chat.example' to='example' id='([^']*)'/.exec(text);
      if (ping === null) sent.push(text);
      // The server answers what was sent after everything else.
      else
        queueMicrotask(() => receive(`<iq type='result' from='example' to='chat.example' id='${ping[1]}'/>`));
      return true;
    },
  } as unknown as Component;
  const receive = (xml: string): void => {
    const stanza = Stanza.parse(xml);
    handlers[stanza.name]?.(stanza);
  };
  const service = await composeMuc({
    component,
    storage,
    log,
    metrics: createMetrics({ process: 'test' }),
    multicast: 'off',
    logFolder: null,
    close: () => Promise.resolve(0),
    superseded: () => {
      superseded = true;
    },
    policy: {
      name: 'Chatrooms',
      coreDomain: 'example',
      admins: new Set(),
      creation: 'anyone',
      roomsPerUser: 1,
      maxOccupants: 10,
      history: 3,
      historyBytes: 100_000,
      nickLength: 20,
      subjectLength: 100,
      messageBytes: 10_000,
      rate: 0,
      burst: 1,
      groupchat1: false,
      logUrl: '',
      pingsPerSecond: 1_000,
      pingIdleSeconds: 0,
    },
  });
  up();
  return {
    service,
    storage,
    sent,
    get superseded() {
      return superseded;
    },
    receive,
    async settled() {
      for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
      await service.delivery.settled();
    },
  };
}

async function enter(world: Harness, user: string): Promise<void> {
  world.receive(`<presence from='${user}@example/r' to='${ROOM}/${user}'>${JOIN}</presence>`);
  await world.settled();
}

async function open(world: Harness): Promise<void> {
  world.receive(
    `<iq type='set' id='o' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
  );
  await world.settled();
}

test('a request to an occupant who never answers is answered in the end (RFC 6120 §8.2.3)', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  world.receive(
    `<iq type='get' id='v' from='hag@example/r' to='${ROOM}/crone'><query xmlns='jabber:iq:version'/></iq>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 1);
  const id = / id='([^']*)'/.exec(world.sent[0] ?? '')?.[1];
  world.service.pending.sweep(Number.MAX_SAFE_INTEGER);
  await world.settled();
  assert.equal(world.sent.length, 2);
  const answer = Stanza.parse(world.sent[1] ?? '');
  assert.deepEqual(
    [answer.type, answer.id, answer.from, answer.to],
    ['error', 'v', `${ROOM}/crone`, 'hag@example/r'],
  );
  assert.match(answer.text, /<remote-server-timeout /);
  // What comes too late goes nowhere.
  world.receive(`<iq type='result' id='${id}' from='crone@example/r' to='${ROOM}/hag'/>`);
  await world.settled();
  assert.equal(world.sent.length, 2);
});

for (const synchronous of [true, false]) {
  const driver = synchronous ? 'a store that answers at once' : 'a store that takes its time';

  test(`entering, talking and leaving in order, on ${driver}`, async () => {
    const world = await harness(synchronous);
    // All at once: the second waits for the room to be made, and is refused since it is not configured.
    world.receive(`<presence from='hag@example/r' to='${ROOM}/hag'>${JOIN}</presence>`);
    world.receive(`<presence from='crone@example/r' to='${ROOM}/crone'>${JOIN}</presence>`);
    await world.settled();
    assert.match(world.sent[0] ?? '', /<status code='201'\/>/);
    assert.match(world.sent.at(-1) ?? '', /<item-not-found /);
    await open(world);
    await enter(world, 'crone');
    world.sent.length = 0;
    for (let number = 0; number < 5; number++)
      world.receive(
        `<message from='crone@example/r' to='${ROOM}' type='groupchat' id='m${number}'><body>${number}</body></message>`,
      );
    world.receive(`<presence type='unavailable' from='crone@example/r' to='${ROOM}/crone'/>`);
    await world.settled();
    const toHag = world.sent.filter((text) => text.includes("to='hag@example/r'"));
    assert.deepEqual(
      toHag.map((text) => /<body>(\d)/.exec(text)?.[1] ?? (text.includes('unavailable') ? 'gone' : text)),
      ['0', '1', '2', '3', '4', 'gone'],
    );
    assert.equal(world.service.counts.unconfirmed, 0);
  });

  test(`a new process on the same ${driver} has everybody and everything`, async () => {
    const first = await harness(synchronous);
    await enter(first, 'hag');
    await open(first);
    await enter(first, 'crone');
    first.receive(
      `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m'><body>hello</body></message>`,
    );
    await first.settled();
    const second = await harness(synchronous, first.storage);
    await second.settled();
    second.sent.length = 0;
    await enter(second, 'bard');
    const told = second.sent.filter((text) => text.includes("to='bard@example/r'"));
    assert.equal(told.length, 5, told.join('\n'));
    assert.match(told[3] ?? '', /<body>hello<\/body>.*<delay /);
    // The count of a user's rooms, too.
    second.receive(`<presence from='hag@example/r' to='other@chat.example/hag'>${JOIN}</presence>`);
    await second.settled();
    assert.ok(second.sent.some((text) => text.includes('<resource-constraint ')));
  });
}

for (const synchronous of [true, false]) {
  test(`what comes while a process starts is sent once (${synchronous ? 'synchronous' : 'slow'} store)`, async () => {
    const first = await harness(synchronous);
    await enter(first, 'hag');
    await open(first);
    await enter(first, 'crone');
    const second = await harness(synchronous, first.storage);
    // held by the server until the handshake, and there with it
    for (let number = 0; number < 3; number++)
      second.receive(
        `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m${number}'><body>${number}</body></message>`,
      );
    await second.settled();
    const toCrone = second.sent.filter((text) => text.includes("to='crone@example/r'"));
    assert.deepEqual(
      toCrone.flatMap((text) => /<body>(\d)/.exec(text)?.[1] ?? []),
      ['0', '1', '2'],
    );
  });
}

test('a store that fails: the sender is told, nobody is shown what is not durable, and it goes on afterwards', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  world.storage.failWith(new StorageError('full', 'no space left'));
  world.receive(
    `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m1'><body>one</body></message>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 1, world.sent.join('\n'));
  assert.match(world.sent[0] ?? '', /type='error'.*<resource-constraint /);
  world.storage.failWith();
  world.sent.length = 0;
  world.receive(
    `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='m2'><body>two</body></message>`,
  );
  await world.settled();
  assert.equal(world.sent.length, 2, world.sent.join('\n'));
  world.sent.length = 0;
  await enter(world, 'bard');
  const history = world.sent.filter((text) => text.includes('<delay '));
  assert.deepEqual(
    history.map((text) => /<body>(\w+)/.exec(text)?.[1]),
    ['two'],
  );
});

test('a store that takes part of a batch: what is archived is shown, and only the rest is refused', async () => {
  const storage = createMemoryStorage();
  const choosy: MemoryStorage = {
    ...storage,
    archive(definition) {
      const archive = storage.archive(definition);
      const append: typeof archive.append = (owner, value) =>
        JSON.stringify(value).includes('<body>two')
          ? Promise.reject(new StorageError('unavailable', 'the primary is gone'))
          : archive.append(owner, value);
      return { ...archive, append };
    },
  };
  const world = await harness(true, choosy);
  await enter(world, 'hag');
  await open(world);
  world.sent.length = 0;
  for (const body of ['one', 'two', 'three']) {
    world.receive(
      `<message from='hag@example/r' to='${ROOM}' type='groupchat' id='${body}'><body>${body}</body></message>`,
    );
  }
  await world.settled();
  const told = world.sent.map(
    (text) => `${/ type='(\w+)'/.exec(text)?.[1]} ${/ id='(\w+)'/.exec(text)?.[1]}`,
  );
  assert.deepEqual(told, ['groupchat one', 'error two', 'groupchat three']);
  // a new process shows newcomers the same
  const next = await harness(true, choosy);
  next.sent.length = 0;
  await enter(next, 'bard');
  const history = next.sent.filter((text) => text.includes('<delay '));
  assert.deepEqual(
    history.map((text) => /<body>(\w+)/.exec(text)?.[1]),
    ['one', 'three'],
  );
  assert.equal(next.service.counts.unconfirmed, 0);
});

test('a room that nobody is in leaves memory, and comes back when it is asked for', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  world.receive(
    `<iq type='set' id='o' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>`,
  );
  world.receive(`<presence type='unavailable' from='hag@example/r' to='${ROOM}/hag'/>`);
  await world.settled();
  const room = world.service.rooms.loaded.get('coven');
  assert.ok(room);
  room.lastUsed = Number.NEGATIVE_INFINITY;
  world.service.tick();
  assert.equal(world.service.rooms.loaded.size, 0);
  world.sent.length = 0;
  await enter(world, 'crone');
  assert.match(world.sent[0] ?? '', /<item affiliation='none' role='participant'\/>/);
});

test('rooms have one owner: of two processes on one store the older stops', async () => {
  const older = await harness(true);
  await older.service.checkOwner();
  assert.equal(older.superseded, false);
  const newer = await harness(true, older.storage);
  await older.service.checkOwner();
  await newer.service.checkOwner();
  assert.deepEqual([older.superseded, newer.superseded], [true, false]);
});

test('while more waits than can be sent nobody enters or asks, and whoever leaves leaves', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  Object.defineProperty(world.service.delivery, 'congested', { get: () => true, configurable: true });
  await enter(world, 'bard');
  world.receive(`<iq type='get' id='p' from='hag@example/r' to='${ROOM}/crone'><query xmlns='urn:x'/></iq>`);
  world.receive(`<presence type='unavailable' from='crone@example/r' to='${ROOM}/crone'/>`);
  await world.settled();
  const told = world.sent.map((text) => `${/^<(\w+)/.exec(text)?.[1]} ${/ type='(\w+)'/.exec(text)?.[1]}`);
  assert.deepEqual(told, ['presence error', 'iq error', 'presence unavailable', 'presence unavailable']);
  assert.match(world.sent[0] ?? '', /resource-constraint/);
});

test('what an occupant makes everybody keep, and what waits for the admins of a room, is bounded', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  world.sent.length = 0;
  const status = `<status>${'x'.repeat(17_000)}</status>`;
  const generous = (name: string) =>
    world.receive(`<presence from='bard@example/r' to='${ROOM}/bard'>${name}</presence>`);
  Object.assign(world.service.policy, { messageBytes: 65_536 });
  generous(JOIN + status);
  await world.settled();
  assert.match(world.sent.splice(0).join(''), /type='error'.*<policy-violation /);
  const register = (id: string, first: string) =>
    world.receive(
      `<iq type='set' id='${id}' from='bard@example/r' to='${ROOM}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>` +
        `<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>` +
        `<field var='muc#register_roomnick'><value>bard</value></field>` +
        `<field var='muc#register_first'><value>${first}</value></field></x></query></iq>`,
    );
  register('long', 'x'.repeat(5_000));
  register('short', 'Will');
  await world.settled();
  const answers = world.sent.filter((text) => text.startsWith('<iq'));
  assert.deepEqual(
    answers.map((text) => / type='(\w+)'/.exec(text)?.[1]),
    ['error', 'result'],
    answers.join('\n'),
  );
});

test('the lists of a room are bounded', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  const ban = async (from: number, count: number): Promise<string> => {
    world.sent.length = 0;
    const items = Array.from(
      { length: count },
      (_, n) => `<item affiliation='outcast' jid='u${from + n}@evil'/>`,
    );
    world.receive(
      `<iq type='set' id='b' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>${items.join('')}</query></iq>`,
    );
    await world.settled();
    return world.sent.find((text) => text.startsWith('<iq')) ?? '';
  };
  const room = await world.service.rooms.find('coven');
  for (let n = 0; n < 19_000; n++) room?.setAffiliation(`u${n}@evil`, 'outcast');
  // with the owner 19,001: 999 more
  assert.match(await ban(19_000, 999), /type='result'/);
  assert.match(await ban(19_999, 1), /type='error'.*<resource-constraint /);
  // a long list is told without its reasons
  for (let n = 0; n < 500; n++) room?.setAffiliation(`u${n}@evil`, 'outcast', undefined, 'x'.repeat(1_000));
  world.sent.length = 0;
  world.receive(
    `<iq type='get' id='l' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query></iq>`,
  );
  await world.settled();
  assert.match(world.sent[0] ?? '', /type='result'/);
  assert.doesNotMatch(world.sent[0] ?? '', /<reason>/);
  // those who are there can be changed all the same
  assert.match(await ban(0, 10), /type='result'/);
});

test('an occupant waits once for its ping, however often it is looked at', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  const room = await world.service.rooms.find('coven');
  const [session] = room?.sessions.values() ?? [];
  assert.ok(room && session);
  const { Ghosts } = await import('../../../components/muc/ghosts.js');
  const ghosts = new Ghosts(world.service);
  for (let n = 0; n < 5; n++) ghosts.check(room, session, Number.POSITIVE_INFINITY);
  assert.equal(ghosts.waiting, 1);
});

test('a room that changes takes its place in the list of rooms, and one that ends leaves it', async () => {
  const world = await harness(true);
  const { directory } = world.service;
  const config = (name: string) => ({ public: true, name }) as never;
  const names = async () => (await directory.list()).map(({ jid, name }) => `${jid.split('@')[0]}=${name}`);
  assert.deepEqual(await names(), []);
  for (const local of ['m', 'a', 'z', 'b']) directory.changed(local, config(local.toUpperCase()), false);
  assert.deepEqual(await names(), ['a=A', 'b=B', 'm=M', 'z=Z']);
  directory.changed('m', config('Middle'), false);
  directory.changed('a', null, false);
  directory.changed('z', config('Z'), true);
  directory.changed('nobody', null, false);
  assert.deepEqual(await names(), ['b=B', 'm=Middle']);
});

test('one occupant who asks and asks crowds nobody out: neither others nor the service itself', async () => {
  const world = await harness(true);
  await enter(world, 'hag');
  await open(world);
  await enter(world, 'crone');
  world.sent.length = 0;
  const ask = (id: string, from = 'hag') =>
    world.receive(
      `<iq type='get' id='${id}' from='${from}@example/r' to='${ROOM}/crone'><query xmlns='urn:x'/></iq>`,
    );
  for (let n = 0; n < 201; n++) ask(`q${n}`);
  await world.settled();
  assert.equal(world.sent.length, 201);
  assert.match(world.sent.at(-1) ?? '', /type='error'.*<resource-constraint /);
  // an answer makes room for another
  const [, asked] = / id='([^']*)'/.exec(world.sent[0] ?? '') ?? [];
  world.receive(`<iq type='result' id='${asked}' from='crone@example/r' to='${ROOM}/hag'/>`);
  ask('again');
  await world.settled();
  assert.match(world.sent.at(-1) ?? '', /type='get'/);
  // invitations are remembered elsewhere
  const invites = Array.from({ length: 50 }, (_, n) => `<invite to='u${n}@elsewhere'/>`).join('');
  const before = world.service.pending.size;
  world.receive(
    `<message from='hag@example/r' to='${ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>${invites}</x></message>`,
  );
  await world.settled();
  assert.equal(world.service.pending.size, before);
  assert.equal(world.service.remembered.size, 100);
});
