import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { control } from '../../shared/cli/control-client.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { BadWire } from '../tools/bad-wire.js';
import { ProcessUnderTest } from '../tools/core-harness.js';
import { namespacesMissing, TestNetwork } from '../tools/network-namespaces.js';
import { messagesOf, publishRequest, pubsub } from '../tools/pep/pubsub.js';
import { RawClient } from '../tools/raw-client.js';
import { WebSocketClient } from '../tools/web-socket-client.js';

// Each process on a host of its own; between component and core a wire that delays, stalls and breaks.

const DOMAIN = 'verona.example';
const ROOM = `square@conference.${DOMAIN}`;
const missing = namespacesMissing();

/** A core on a host of its own, and components on others, each behind a bad wire. */
class Verona {
  readonly t: TestContext;
  readonly network: TestNetwork;
  readonly coreAddress: string;
  readonly coreFolder = folder();
  readonly core: ProcessUnderTest;

  constructor(t: TestContext, settings: Readonly<Record<string, string>>) {
    this.t = t;
    this.network = new TestNetwork(t, 'core');
    this.coreAddress = this.network.addOurselves().hub;
    const env = {
      XMPP_DOMAINS: DOMAIN,
      C2S_REQUIRE_TLS: 'false',
      SASL_ITERATIONS: '4096',
      S2S_PORT: '0',
      S2S_TLS_PORT: '0',
      COMPONENT_PLAIN_HOST: '0.0.0.0',
      COMPONENT_GRACE_SECONDS: '60',
      COMPONENT_KEEPALIVE_SECONDS: '2',
      ...settings,
    };
    this.core = new ProcessUnderTest('core', this.coreFolder, env, this.network.within('core'));
    t.after(() => this.core.stop());
  }

  async addUsers(...users: string[]): Promise<void> {
    for (const user of users)
      await control(join(this.coreFolder, 'run', 'core.sock'), 'user.add', {
        jid: `${user}@${DOMAIN}`,
        password: 'secret',
      });
  }

  async login(user: string): Promise<RawClient> {
    const client = await RawClient.connect(this.coreAddress, 5222);
    this.t.after(() => client.cut());
    await client.login(user, 'secret', DOMAIN, 'test');
    await client.goOnline();
    return client;
  }

  async component(name: string, settings: Readonly<Record<string, string>> = {}) {
    const { ours, own } = this.network.addHostBehindUs(this.t, name);
    const wire = await BadWire.lay(this.t, ours, { host: this.coreAddress, port: 5347 });
    wire.delay = 15;
    wire.jitter = 10;
    const process = new ProcessUnderTest(
      name,
      folder(),
      {
        XMPP_DOMAINS: DOMAIN,
        CORE_HOST: ours,
        CORE_PORT: String(wire.port),
        CORE_KEEPALIVE_SECONDS: '2',
        [`${name.toUpperCase()}_SECRET`]: 'secret',
        ...settings,
      },
      this.network.within(name),
    );
    this.t.after(() => process.stop());
    await process.ready();
    return { wire, own };
  }
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'entourage-wire-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true, maxRetries: 3 }));
  return made;
}

/** Everything that can happen to a wire, one after the other, with `calm` between; it is good at the end. */
async function mistreat(wire: BadWire, calm: () => Promise<unknown>): Promise<void> {
  const stall = async (milliseconds: number): Promise<void> => {
    wire.stall();
    await after(milliseconds);
    wire.flow();
  };
  const reconnected = async (misfortune: Promise<void>): Promise<void> => {
    const before = wire.connections;
    await misfortune;
    const end = performance.now() + 20_000;
    while (wire.connections === before) {
      assert.ok(performance.now() < end, 'the component connects again');
      await after(20);
    }
    // the next misfortune strikes a connection that is in use
    await calm();
  };
  await stall(700);
  await reconnected(wire.cutAfter('up', 701));
  await reconnected(wire.cutAfter('down', 1303));
  await reconnected(wire.cutAfter('up', 37));
  await reconnected(wire.cutAfter('down', 211));
  // longer than either end waits for a sign of life: both give the connection up, and the next one hangs, too
  await reconnected(stall(6_000));
}

test('delays, stalls and cuts in the middle of a stanza: what was acknowledged is there, and nothing twice', async (t) => {
  if (missing !== null) return t.skip(missing);
  const verona = new Verona(t, {
    COMPONENTS: 'muc,vcard,pep',
    COMPONENT_PEP_SECRET: 'secret',
    COMPONENT_MUC_SECRET: 'secret',
    COMPONENT_VCARD_SECRET: 'secret',
  });
  await verona.core.ready();
  const [muc, vcard, pep] = await Promise.all([
    verona.component('muc'),
    verona.component('vcard'),
    verona.component('pep'),
  ]);
  await verona.addUsers('juliet', 'romeo');
  const juliet = await verona.login('juliet');
  const romeo = await verona.login('romeo');
  const enter = async (client: RawClient, nick: string): Promise<void> => {
    client.send(`<presence to='${ROOM}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
    await client.stanza((stanza) => stanza.name === 'message' && stanza.hasChild('subject', 'jabber:client'));
  };
  await enter(juliet, 'juliet');
  const form = "<x xmlns='jabber:x:data' type='submit'/>";
  await juliet.iq('set', `<query xmlns='http://jabber.org/protocol/muc#owner'>${form}</query>`, ROOM);
  await enter(romeo, 'romeo');

  let over = false;
  const say = (id: string): void =>
    juliet.send(`<message to='${ROOM}' type='groupchat' id='${id}'><body>${'x'.repeat(90)}</body></message>`);
  const talk = async (): Promise<void> => {
    for (let number = 0; !over; number++) {
      say(`m${number}`);
      await after(20);
    }
  };
  const vcards = { tried: 0, acknowledged: 0, refused: 0 };
  const write = async (): Promise<void> => {
    const text = (number: number): string => `<vCard xmlns='vcard-temp'><FN>${number}</FN></vCard>`;
    while (!over) {
      const number = ++vcards.tried;
      const { type } = await ask(romeo, 'set', text(number));
      if (type === 'result') vcards.acknowledged = number;
      else vcards.refused++;
      const read = await ask(romeo, 'get', "<vCard xmlns='vcard-temp'/>");
      const found = Number(read.element.getChild('vCard')?.getChildText('FN'));
      assert.ok(
        read.type === 'result' && found >= vcards.acknowledged && found <= number,
        `${number} tried, ${vcards.acknowledged} acknowledged: ${read.source}`,
      );
    }
  };
  const events = { tried: 0, acknowledged: [] as string[], refused: 0 };
  const publishNext = async (): Promise<void> => {
    const id = `e${++events.tried}`;
    const item = `<item id='${id}'><x xmlns='urn:example:x'/></item>`;
    const options = { access_model: 'open', max_items: 'max' };
    const { type } = await ask(juliet, 'set', publishRequest('urn:example:news', item, options));
    if (type === 'result') events.acknowledged.push(id);
    else events.refused++;
  };
  await publishNext();
  const subscribe = `<subscribe node='urn:example:news' jid='romeo@${DOMAIN}'/>`;
  assert.equal((await romeo.iq('set', pubsub(subscribe), `juliet@${DOMAIN}`)).type, 'result');
  const publish = async (): Promise<void> => {
    while (!over) await publishNext();
  };
  const talking = Promise.all([talk(), write(), publish()]);
  // what it says is heard below
  talking.catch(() => undefined);
  await Promise.all([muc, vcard, pep].map(({ wire }) => mistreat(wire, () => after(500)))).finally(() => {
    over = true;
  });
  await talking;

  // the room is asked until it answers: what it had to repeat has gone out before
  say('mlast');
  const seen = await Promise.all([heard(juliet), heard(romeo)]);
  const [hers, his] = seen.map((messages) => [...messages.keys()]);
  assert.deepEqual(his, hers, 'what is reflected to its sender has reached the others, in the same order');
  assert.ok((hers?.length ?? 0) > 100, `${hers?.length}`);
  const numbers = (hers ?? []).filter((id) => id !== 'mlast').map((id) => Number(id.slice(1)));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  for (const messages of seen)
    for (const [id, stanzaIds] of messages) assert.equal(stanzaIds.size, 1, `${id} is one message`);
  assert.ok(vcards.acknowledged > 20 && vcards.refused <= 6, JSON.stringify(vcards));
  assert.ok([muc, vcard, pep].every(({ wire }) => wire.connections > 4));

  // every accepted publish is there, and was notified of once
  const items = await juliet.iq('get', pubsub("<items node='urn:example:news'/>"));
  const kept = [...items.source.matchAll(/<item id='(e\d+)'/g)].map(([, id]) => id);
  const isEvent = (text: string): boolean => text.includes('#event') && !text.includes('urn:xmpp:delay');
  const told = messagesOf(romeo)
    .filter(isEvent)
    .flatMap((text) => [...text.matchAll(/<item [^>]*id='(e\d+)'/g)].map(([, id]) => id));
  assert.deepEqual(
    events.acknowledged.filter((id) => !kept.includes(id)),
    [],
  );
  assert.deepEqual(
    events.acknowledged.slice(1).filter((id) => !told.includes(id)),
    [],
  );
  assert.equal(new Set(told).size, told.length, told.join());
  assert.ok(events.acknowledged.length > 20 && events.refused <= 6, JSON.stringify(events));
});

/** An IQ that may have to wait until the longest stall is over. */
async function ask(client: RawClient, type: 'get' | 'set', payload: string): Promise<Stanza> {
  const id = `ask${++asked}`;
  client.send(`<iq type='${type}' id='${id}'>${payload}</iq>`);
  return client.stanza((stanza) => stanza.name === 'iq' && stanza.id === id, 45_000);
}
let asked = 0;

/** The groupchat messages of a client up to the last, by `id`, each with the room's own ids for it. */
async function heard(client: RawClient): Promise<Map<string, Set<string>>> {
  // an event's id is random, and may begin with the same letter
  const isMessage = (stanza: Stanza): boolean =>
    stanza.name === 'message' && /^m(\d+|last)$/.test(stanza.id ?? '');
  const messages = new Map<string, Set<string>>();
  while (!messages.has('mlast')) {
    const message = await client.stanza(isMessage, 20_000);
    assert.equal(message.type, 'groupchat', message.source);
    const ids = messages.get(message.id ?? '') ?? new Set();
    ids.add(message.element.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs['id'] ?? '');
    messages.set(message.id ?? '', ids);
  }
  return messages;
}

const SM = 'urn:xmpp:sm:3';

/** A client of the bosh process that keeps its session over everything that happens to its connections (XEP-0198). */
class Persistent {
  readonly got: string[] = [];
  resumed = 0;
  readonly #url: string;
  readonly #user: string;
  #session: { readonly id: string; handled: number; sent: string[]; acknowledged: number } | undefined;
  #client: WebSocketClient | undefined;
  #over = false;

  constructor(url: string, user: string) {
    this.#url = url;
    this.#user = user;
  }

  async run(): Promise<void> {
    while (!this.#over) {
      try {
        const client = await WebSocketClient.login(this.#url, DOMAIN, this.#user, 'secret');
        await this.#begin(client);
        this.#client = client;
        for (;;) this.#take(await client.stanza(() => true, 60_000));
      } catch {
        this.#client?.cut();
        this.#client = undefined;
        if (!this.#over) await after(50);
      }
    }
  }

  say(stanza: string): void {
    this.#session?.sent.push(stanza);
    this.#client?.send(stanza);
  }

  stop(): void {
    this.#over = true;
    this.#client?.cut();
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }
  get ready(): boolean {
    return this.#session !== undefined;
  }

  async #begin(client: WebSocketClient): Promise<void> {
    const isAnswer = (one: Stanza): boolean => one.namespace === SM || one.name === 'iq';
    const session = this.#session;
    if (session === undefined) {
      client.send(
        "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
      );
      await client.stanza(isAnswer);
      client.send(`<enable xmlns='${SM}' resume='true'/>`);
      const enabled = await client.stanza(isAnswer);
      const id = enabled.attribute('id');
      assert.ok(enabled.name === 'enabled' && id !== undefined, enabled.source);
      this.#session = { id, handled: 0, sent: [], acknowledged: 0 };
      this.say("<presence xmlns='jabber:client'/>");
      client.send("<presence xmlns='jabber:client'/>");
      return;
    }
    client.send(`<resume xmlns='${SM}' previd='${session.id}' h='${session.handled}'/>`);
    const resumed = await client.stanza(isAnswer);
    assert.equal(resumed.name, 'resumed', resumed.source);
    this.resumed++;
    this.#acknowledge(Number(resumed.attribute('h')));
    for (const stanza of session.sent) client.send(stanza);
  }

  #acknowledge(h: number): void {
    const session = this.#session;
    if (session === undefined) return;
    session.sent.splice(0, h - session.acknowledged);
    session.acknowledged = h;
  }

  #take(stanza: Stanza): void {
    const session = this.#session;
    if (session === undefined) return;
    if (stanza.namespace === SM) {
      if (stanza.name === 'r') this.#client?.send(`<a xmlns='${SM}' h='${session.handled}'/>`);
      if (stanza.name === 'a') this.#acknowledge(Number(stanza.attribute('h')));
      return;
    }
    if (stanza.name !== 'message' && stanza.name !== 'presence' && stanza.name !== 'iq') return;
    session.handled++;
    if (stanza.name === 'message') this.got.push(stanza.type === 'error' ? stanza.source : (stanza.id ?? ''));
  }
}

test('the client link over such a wire: sessions are resumed, every message comes once', async (t) => {
  if (missing !== null) return t.skip(missing);
  const verona = new Verona(t, {
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'secret',
    CLIENT_LINK_ALLOW_PLAIN: 'true',
  });
  await verona.core.ready();
  const { wire, own } = await verona.component('bosh', {
    LISTEN_HOST: '0.0.0.0',
    BOSH_PORT: '5280',
    BOSH_TRUSTED_PROXIES: '198.18.0.0/15',
  });
  await verona.addUsers('juliet', 'romeo');
  const romeo = await verona.login('romeo');
  const juliet = new Persistent(`ws://${own}:5280/xmpp-websocket`, 'juliet');
  const running = juliet.run();
  t.after(() => juliet.stop());
  const end = performance.now() + 15_000;
  while (!juliet.ready) {
    assert.ok(performance.now() < end, 'juliet is in');
    await after(20);
  }

  let over = false;
  const sent = { romeo: [] as string[], juliet: [] as string[] };
  const body = `<body>${'x'.repeat(90)}</body>`;
  const talk = async (): Promise<void> => {
    for (let number = 0; !over; number++) {
      romeo.send(`<message to='juliet@${DOMAIN}' type='chat' id='r${number}'>${body}</message>`);
      sent.romeo.push(`r${number}`);
      juliet.say(
        `<message xmlns='jabber:client' to='romeo@${DOMAIN}' type='chat' id='j${number}'>${body}</message>`,
      );
      sent.juliet.push(`j${number}`);
      await after(20);
    }
  };
  const talking = talk();
  const isBack = async (): Promise<void> => {
    const late = performance.now() + 20_000;
    while (!juliet.connected && performance.now() < late) await after(20);
    await after(200);
  };
  await mistreat(wire, isBack).finally(() => {
    over = true;
  });
  await talking;

  const late = performance.now() + 20_000;
  while (juliet.got.length < sent.romeo.length && performance.now() < late) await after(20);
  assert.deepEqual(juliet.got, sent.romeo, 'to the browser: each, in order, once');
  const his: string[] = [];
  while (his.length < sent.juliet.length) {
    const message = await romeo.stanza((stanza) => stanza.name === 'message', 20_000);
    his.push(message.id ?? message.source);
  }
  await romeo.ping();
  assert.deepEqual(his, sent.juliet, 'from the browser: each, in order, once');
  assert.ok(!romeo.received.some((one) => one.kind === 'element' && one.stanza.name === 'message'));
  assert.ok(juliet.resumed >= 4, `${juliet.resumed} times resumed`);
  juliet.stop();
  await running;
});
