import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { Random } from '../../tools/ledger/random.js';
import type { RawClient } from '../../tools/raw-client.js';

// RFC 6121 §8.5, XEP-0160, XEP-0198 §5, XEP-0280: whoever comes and goes meanwhile, each message arrives or is refused, and no
// session is given one twice.

const SM = 'urn:xmpp:sm:3';
const RESOURCES = ['desk', 'phone', 'tablet'];

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '60' });
});
after(() => core.stop());

/** A resource of the account, which counts what it is given and may or may not acknowledge that. */
class Device {
  readonly resource: string;
  readonly name: string;
  client: RawClient;
  /** Of XEP-0198; null without. */
  id: string | null = null;
  handled = 0;
  connected = true;
  readonly given: string[] = [];

  constructor(name: string, resource: string, client: RawClient) {
    this.name = name;
    this.resource = resource;
    this.client = client;
  }

  take(): void {
    for (const item of this.client.received.splice(0)) {
      if (item.kind !== 'element' || item.stanza.namespace === SM) continue;
      if (!['message', 'presence', 'iq'].includes(item.stanza.name)) continue;
      this.handled++;
      if (item.stanza.name === 'message') this.given.push(numberOf(item.stanza));
    }
  }

  async settle(): Promise<void> {
    this.client.send(`<iq type='get' id='settle' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`);
    const end = performance.now() + 8000;
    const answered = () =>
      this.client.received.some((item) => item.kind === 'element' && item.stanza.id === 'settle');
    while (!answered()) {
      assert.ok(performance.now() < end, `${this.name} was not answered`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.take();
  }
}

function numberOf(stanza: Stanza): string {
  return /<body>(\d+)<\/body>/.exec(stanza.source)?.[1] ?? '';
}

async function round(seed: number, romeo: RawClient): Promise<void> {
  const random = new Random(seed);
  const user = `juliet${seed}`;
  await core.addUsers(user);
  const all: Device[] = [];
  const there = (resource: string) => all.find((one) => one.resource === resource && one.connected);
  const hint = "<no-store xmlns='urn:xmpp:hints'/>";
  const sent: string[] = [];

  async function come(resource: string): Promise<void> {
    there(resource)?.take();
    const client = await core.login(user, resource);
    for (const one of all) if (one.resource === resource) leave(one);
    const device = new Device(`${resource} of step ${sent.length}`, resource, client);
    all.push(device);
    if (random.below(3) > 0) {
      client.send(`<enable xmlns='${SM}' resume='true'/>`);
      for (;;) {
        // what came before is not counted (XEP-0198 §4)
        const next = await client.element();
        if (next.name === 'message') device.given.push(numberOf(next));
        if (next.name !== 'enabled') continue;
        device.id = next.attribute('id') ?? '';
        break;
      }
    }
    client.send(`<presence><priority>${random.pick([0, 0, 0, 5, -1])}</priority></presence>`);
    if (random.below(3) === 0) client.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  }
  function leave(device: Device): void {
    device.take();
    device.connected = false;
    device.id = null;
  }
  async function close(device: Device): Promise<void> {
    await device.settle();
    if (device.id !== null && random.below(2) === 0)
      device.client.send(`<a xmlns='${SM}' h='${device.handled}'/>`);
    await device.client.close();
    leave(device);
  }
  async function resume(device: Device): Promise<void> {
    const client = await core.connect();
    await client.open('localhost');
    await client.authenticate(user, 'secret', 'localhost');
    client.send(`<resume xmlns='${SM}' previd='${device.id}' h='${device.handled}'/>`);
    await client.stanza((stanza) => stanza.name === 'resumed');
    device.client = client;
    device.connected = true;
  }

  for (let step = 0; step < 90; step++) {
    const resource = random.pick(RESOURCES);
    const device = there(resource);
    const action = random.below(10);
    if (action < 5) {
      const to = `${user}@localhost${random.below(2) === 0 ? '' : `/${resource}`}`;
      for (let times = random.below(4); times >= 0; times--) {
        const id = String(sent.length);
        sent.push(id);
        romeo.send(
          `<message to='${to}' type='chat' id='${id}'><body>${id}</body>${random.below(8) === 0 ? hint : ''}</message>`,
        );
      }
    } else if (action < 7) {
      const asleep = all.find((one) => one.resource === resource && one.id !== null && !one.connected);
      if (asleep !== undefined && random.below(2) === 0) await resume(asleep);
      else await come(resource);
    } else if (device === undefined) await romeo.ping();
    else if (action === 7) await close(device);
    else if (action === 8 && device.id !== null) {
      await device.settle();
      device.client.cut();
      device.connected = false;
    } else device.client.send(`<presence><priority>${random.pick([0, 1])}</priority></presence>`);
  }
  await romeo.ping();
  for (const one of all) if (!one.connected && one.id !== null) await resume(one);
  for (const one of all) if (one.connected) await close(one);
  await romeo.ping();
  const last = new Device('last', 'last', await core.online(user, 'last'));
  const devices = [...all, last];
  const refused: string[] = [];
  const lost = () => {
    const had = new Set([...devices.flatMap(({ given }) => given), ...refused]);
    return sent.filter((id) => !had.has(id));
  };
  const end = performance.now() + 10_000;
  for (let times = 0; times < 5 || (lost().length > 0 && performance.now() < end); times++) {
    await last.settle();
    await romeo.ping();
    for (const item of romeo.received.splice(0)) {
      if (item.kind === 'element' && item.stanza.type === 'error') refused.push(item.stanza.id ?? '');
    }
  }

  assert.deepEqual(refused, [...new Set(refused)], 'one error for each');
  for (const { name, given } of devices) assert.deepEqual(given, [...new Set(given)], `${name}: given once`);
  assert.deepEqual(lost(), [], 'lost');
  await last.client.close();
}

test('whoever comes and goes, each message arrives or is refused, and none twice at one session', async () => {
  const chosen = Number(process.env['ENTOURAGE_SEED'] ?? 0);
  await core.addUsers('romeo');
  const romeo = await core.online('romeo', 'orchard');
  const seeds = chosen > 0 ? [chosen] : [3, 17, 20_261_121];
  for (const seed of seeds) {
    try {
      await round(seed, romeo);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : ''}`, { cause: error });
    }
  }
});
