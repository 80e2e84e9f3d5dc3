import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CoreUnderTest, ProcessUnderTest } from '../../tools/core-harness.js';
import { startTestServer } from '../../tools/ferretdb/server.js';
import type { RawClient } from '../../tools/raw-client.js';

const USERS = Array.from({ length: 12 }, (_, number) => `user${number}`);
const DOMAIN = 'vcard.localhost';

/** One of several processes of the same component, with a data folder of its own and the database in common. */
async function instance(t: TestContext, core: CoreUnderTest, url: string): Promise<ProcessUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-share-'));
  const { host, port } = core.address('component');
  const vcard = new ProcessUnderTest('vcard', folder, {
    STORAGE_URL: url,
    DATA_DIR: folder,
    CORE_HOST: host,
    CORE_PORT: String(port),
    VCARD_SECRET: 'secret',
    METRICS_PORT: 'auto',
  });
  t.after(async () => {
    await vcard.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return vcard;
}

async function received(addresses: Record<string, string>): Promise<number> {
  const text = await (await fetch(`http://${addresses['metrics']}/metrics`)).text();
  return Number(/^xmpp_component_stanzas_received_total\S* (\d+)$/m.exec(text)?.[1]);
}

test('two processes share a domain by owner; one leaves, and one dies, without loss', async (t) => {
  const database = await startTestServer();
  if (database.skip !== undefined) return t.skip(database.skip);
  t.after(() => database.stop());
  const url = database.url.replace(/\/[^/?]*(\?|$)/, `/entourage_share_${process.pid}$1`);
  const core = await CoreUnderTest.start({
    COMPONENTS: 'vcard',
    COMPONENT_VCARD_DOMAIN: DOMAIN,
    COMPONENT_VCARD_SECRET: 'secret',
    COMPONENT_VCARD_CONFLICT: 'share',
  });
  t.after(() => core.stop());
  await core.addUsers(...USERS);
  const first = await instance(t, core, url);
  const second = await instance(t, core, url);
  const addresses = [await first.ready(), await second.ready()];

  const clients: RawClient[] = [];
  for (const user of USERS) clients.push(await core.login(user));
  const wrong: string[] = [];
  const interrupted: string[] = [];
  /** Everybody writes and reads back; an answer that is no result, or not what was written, is kept. */
  const round = async (number: number): Promise<void> => {
    await Promise.all(
      clients.map(async (client, index) => {
        const name = `Name ${number} of ${index}`;
        const set = await client.iq('set', `<vCard xmlns='vcard-temp'><FN>${name}</FN></vCard>`);
        const get = await client.iq('get', "<vCard xmlns='vcard-temp'/>");
        const read = get.element.getChild('vCard')?.getChildText('FN');
        if (set.type === 'error' && set.source.includes('interrupted')) interrupted.push(name);
        else if (set.type !== 'result' || read !== name) wrong.push(`${name}: ${set.source} ${get.source}`);
      }),
    );
  };
  await round(0);
  const counts = await Promise.all(addresses.map(received));
  assert.ok(
    counts.every((count) => count >= 4),
    `both have work: ${counts}`,
  );

  // one leaves in the middle of the work
  let rounds = 0;
  const work = async (until: Promise<void>): Promise<void> => {
    let over = false;
    void until.then(() => {
      over = true;
    });
    while (!over) await round(++rounds);
  };
  await work(first.stop());
  await round(++rounds);
  assert.deepEqual(wrong, []);
  assert.deepEqual(interrupted, []);

  // another comes in its place, and the one that stayed is killed
  const third = await instance(t, core, url);
  await third.ready();
  await round(++rounds);
  await work(second.stop('SIGKILL'));
  await round(++rounds);
  assert.deepEqual(wrong, []);
  // what was being written when the process died is refused, for whoever it served, once
  assert.ok(interrupted.length <= USERS.length, interrupted.join());
  for (const client of clients) await client.close();
});
