import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CoreUnderTest, type ProcessUnderTest } from '../tools/core-harness.js';
import type { RawClient } from '../tools/raw-client.js';

const OCCUPANTS = 50;
const SENDERS = 10;
const ROOM = 'busy@chat.localhost';
const names = Array.from({ length: OCCUPANTS }, (_, number) => `user${number}`);

/** An occupant that reads everything as it comes. */
class Occupant {
  /** Stanza-ids of the room's messages, live or from its history. */
  readonly seen = new Set<string>();
  /** Stanza-ids of its own messages. */
  readonly reflected = new Set<string>();
  readonly departures: string[] = [];
  readonly name: string;
  #raw: RawClient;
  #joined: () => void = () => undefined;
  #reflection: { id: string; resolve: (came: boolean) => void } | null = null;

  private constructor(name: string, raw: RawClient) {
    this.name = name;
    this.#raw = raw;
  }

  static async enter(name: string, core: CoreUnderTest): Promise<Occupant> {
    const occupant = new Occupant(name, await core.online(name));
    await occupant.join();
    return occupant;
  }

  async again(core: CoreUnderTest): Promise<void> {
    this.#raw = await core.online(this.name, 'again');
    await this.join();
  }

  join(): Promise<void> {
    void this.#read(this.#raw);
    const joined = new Promise<void>((resolve) => {
      this.#joined = resolve;
    });
    this.#raw.send(
      `<presence to='${ROOM}/${this.name}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    );
    return joined;
  }

  async #read(raw: RawClient): Promise<void> {
    for (;;) {
      const next = await raw.next(600_000);
      if (next.kind === 'lost') return;
      if (next.kind !== 'element') continue;
      const { stanza } = next;
      if (stanza.name === 'iq' && stanza.type === 'get') {
        raw.send(`<iq type='result' to='${stanza.from}' id='${stanza.id}'/>`);
        continue;
      }
      if (stanza.name === 'presence' && stanza.type === 'unavailable')
        this.departures.push(stanza.from ?? '');
      if (stanza.name !== 'message') continue;
      const id = stanza.element.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs['id'];
      if (stanza.hasChild('subject', 'jabber:client')) this.#joined();
      if (id === undefined || !stanza.hasChild('body', 'jabber:client')) continue;
      this.seen.add(id);
      if (stanza.id?.startsWith(`${this.name}-`)) this.reflected.add(id);
      if (this.#reflection?.id === stanza.id) this.#reflection?.resolve(true);
    }
  }

  /** Sends and waits for the reflection; one that does not come was lost on its way in, which XEP-0114 allows. */
  async say(id: string): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const reflection = new Promise<boolean>((resolve) => {
      this.#reflection = { id, resolve };
      timer = setTimeout(() => resolve(false), 5_000);
    });
    this.#raw.send(`<message to='${ROOM}' type='groupchat' id='${id}'><body>${id}</body></message>`);
    const came = await reflection;
    clearTimeout(timer);
    return came;
  }

  /** When the room answers this, it has answered everything before. */
  async settled(): Promise<void> {
    const id = `settled-${this.name}`;
    await this.say(id);
  }

  cut(): void {
    this.#raw.cut();
  }
}

async function busyRoom(
  t: TestContext,
): Promise<{ core: CoreUnderTest; muc: ProcessUnderTest; occupants: Occupant[] }> {
  const core = await CoreUnderTest.start({
    COMPONENTS: 'muc',
    COMPONENT_MUC_DOMAIN: 'chat.localhost',
    COMPONENT_MUC_SECRET: 'secret',
    COMPONENT_GRACE_SECONDS: '20',
    LOG_LEVEL: 'info',
  });
  t.after(() => core.stop());
  await core.addUsers(...names);
  const muc = await startMuc(core);
  const occupants: Occupant[] = [];
  for (const name of names) {
    occupants.push(await Occupant.enter(name, core));
    if (occupants.length === 1) await open(core);
  }
  for (const occupant of occupants) occupant.departures.length = 0;
  return { core, muc, occupants };
}

function startMuc(core: CoreUnderTest): Promise<ProcessUnderTest> {
  return core.component('muc', {
    MUC_DOMAIN: 'chat.localhost',
    MUC_RATE: '0',
    MUC_HISTORY: '2000',
    LOG_LEVEL: 'info',
  });
}

async function open(core: CoreUnderTest): Promise<void> {
  const owner = await core.login(names[0] ?? '', 'owner');
  const answer = await owner.iq(
    'set',
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query>",
    ROOM,
  );
  assert.equal(answer.type, 'result', answer.source);
  await owner.close();
}

/** All senders talk, each after its last message came back; `crash` is called when a third has been said. */
async function talk(
  occupants: readonly Occupant[],
  messages: number,
  prefix: string,
  crash: () => Promise<void>,
  lastWords = false,
): Promise<void> {
  let said = 0;
  let crashed: Promise<void> | null = null;
  await Promise.all(
    occupants.slice(0, SENDERS).map(async (occupant) => {
      for (let number = 0; number < messages; number++) {
        const came = await occupant.say(`${occupant.name}-${prefix}${number}`);
        // Its connection is dead.
        if (!came && lastWords) return;
        said++;
        if (said > (messages * SENDERS) / 3) crashed ??= crash();
      }
    }),
  );
  await crashed;
}

function account(occupants: readonly Occupant[], what: string): void {
  const reflected = new Set(occupants.flatMap((occupant) => [...occupant.reflected]));
  assert.ok(reflected.size > 0, 'nothing was said');
  for (const occupant of occupants) {
    const missing = [...reflected].filter((id) => !occupant.seen.has(id));
    assert.deepEqual(
      missing,
      [],
      `${occupant.name} lacks messages that their senders saw reflected (${what})`,
    );
  }
}

test('kill -9 of muc in a busy room of 50: nobody notices, and no message that was reflected is lost', async (t) => {
  const { core, muc, occupants } = await busyRoom(t);
  await talk(occupants, 20, 'a', async () => {
    await muc.stop('SIGKILL');
    await startMuc(core);
  });
  await occupants[0]?.settled();
  // The room's last word to each has the ones before it.
  for (const occupant of occupants.slice(0, SENDERS)) await occupant.settled();
  account(occupants, 'after the death of muc');
  for (const occupant of occupants) assert.deepEqual(occupant.departures, []);
});

test('kill -9 of the core in a busy room of 50: who comes back finds every message that was reflected', async (t) => {
  const { core, muc, occupants } = await busyRoom(t);
  let dead = false;
  const crash = async (): Promise<void> => {
    dead = true;
    await core.process.stop('SIGKILL');
  };
  await talk(occupants, 20, 'b', crash, true);
  assert.ok(dead);
  await core.restart('SIGKILL');
  // Its link is up again: what comes for it before that is answered with errors.
  await muc.ready();
  for (const occupant of occupants) await occupant.again(core);
  await occupants[0]?.settled();
  account(occupants, 'after the death of the core');
  for (const occupant of occupants) occupant.cut();
});
