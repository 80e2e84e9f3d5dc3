import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Stanza } from '../../shared/xml/stanza.js';
import { CoreUnderTest, ProcessUnderTest } from '../tools/core-harness.js';
import { startTestServer } from '../tools/ferretdb/server.js';
import { befriend, Interests } from '../tools/pep/interested-client.js';
import { messagesOf, publishRequest, pubsub } from '../tools/pep/pubsub.js';
import type { RawClient } from '../tools/raw-client.js';

const USERS = Array.from({ length: 8 }, (_, number) => `user${number}`);
const NODE = 'urn:example:shared';
const OPEN = { access_model: 'open', max_items: 'max' };
const interests = new Interests(NODE);

async function instance(t: TestContext, core: CoreUnderTest, url: string): Promise<ProcessUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-share-'));
  const { host, port } = core.address('component');
  const pep = new ProcessUnderTest('pep', folder, {
    STORAGE_URL: url,
    DATA_DIR: folder,
    CORE_HOST: host,
    CORE_PORT: String(port),
    PEP_SECRET: 'secret',
    METRICS_PORT: 'auto',
    LISTEN_HOST: '127.0.0.1',
  });
  t.after(async () => {
    await pep.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await pep.ready();
  return pep;
}

/** One user: everything it published, how that was answered, and every notification that its follower got. */
interface Writer {
  readonly name: string;
  readonly client: RawClient;
  readonly acknowledged: Set<string>;
  readonly refused: Set<string>;
  sequence: number;
  /** Whether it is subscribed to the next one's node, as far as it was told: null where that is not known. */
  subscribed: boolean | null;
}

const bare = ({ name }: Writer): string => `${name}@localhost`;

/** Subscribes to the node of `owner`, or ends the subscription. */
async function turn(writer: Writer, owner: Writer): Promise<void> {
  const wanted = writer.subscribed !== true;
  const verb = wanted ? 'subscribe' : 'unsubscribe';
  const request = pubsub(`<${verb} node='${NODE}' jid='${bare(writer)}'/>`);
  const answer = await writer.client.iq('set', request, bare(owner));
  // one that was interrupted may have been done: then unsubscribing again finds nothing
  if (answer.type === 'result') writer.subscribed = wanted;
  else if (writer.subscribed === null && /not-subscribed/.test(answer.source)) writer.subscribed = false;
  else {
    assert.match(answer.source, /interrupted/);
    writer.subscribed = null;
  }
}

async function isSubscribed(writer: Writer, owner: Writer): Promise<boolean> {
  const answer = await writer.client.iq('get', pubsub(`<subscriptions node='${NODE}'/>`), bare(owner));
  assert.equal(answer.type, 'result', answer.source);
  return answer.source.includes(`jid='${bare(writer)}'`);
}

async function publish(writer: Writer): Promise<void> {
  const id = `${writer.name}-${++writer.sequence}`;
  const answer = await writer.client.iq(
    'set',
    publishRequest(NODE, `<item id='${id}'><x xmlns='urn:example:x'/></item>`, OPEN),
  );
  (answer.type === 'result' ? writer.acknowledged : writer.refused).add(id);
}

function itemIds(texts: readonly string[]): string[] {
  return texts.flatMap((text) => [...text.matchAll(/<item [^>]*id='([^']*)'/g)].map(([, id]) => id ?? ''));
}

/** What a client was told of when it happened; last items for a new subscriber are marked as delayed. */
async function heard(reader: RawClient): Promise<string[]> {
  await reader.ping();
  const events = messagesOf(reader).filter(
    (text) => text.includes('#event') && !text.includes('urn:xmpp:delay'),
  );
  return itemIds(events);
}

test('two processes of pep share its load; one ends, and one is killed, without loss or repetition', async (t) => {
  const database = await startTestServer();
  if (database.skip !== undefined) return t.skip(database.skip);
  t.after(() => database.stop());
  const url = database.url.replace(/\/[^/?]*(\?|$)/, `/entourage_pep_${process.pid}$1`);
  const core = await CoreUnderTest.start({
    COMPONENTS: 'pep',
    COMPONENT_PEP_SECRET: 'secret',
    COMPONENT_PEP_CONFLICT: 'share',
  });
  t.after(() => core.stop());
  await core.addUsers(...USERS, 'reader', 'late');
  const first = await instance(t, core, url);
  const second = await instance(t, core, url);

  const reader = await core.online('reader', 'desk');
  reader.send(interests.presence);
  await interests.answer(reader);
  const writers: Writer[] = [];
  for (const name of USERS) {
    const client = await core.online(name);
    writers.push({
      name,
      client,
      acknowledged: new Set(),
      refused: new Set(),
      sequence: 0,
      subscribed: false,
    });
  }
  // half are followed by presence, half by subscription
  for (const [index, writer] of writers.entries()) {
    await publish(writer);
    if (index % 2 === 0) await befriend(reader, writer.client);
    else {
      const subscribed = await reader.iq(
        'set',
        pubsub(`<subscribe node='${NODE}' jid='reader@localhost'/>`),
        `${writer.name}@localhost`,
      );
      assert.equal(subscribed.type, 'result', subscribed.text);
    }
  }
  const work = async (until: Promise<unknown>): Promise<void> => {
    let over = false;
    void until.then(() => {
      over = true;
    });
    await Promise.all(
      writers.flatMap((writer, index) => [
        (async () => {
          do await publish(writer);
          while (!over);
        })(),
        (async () => {
          const owner = writers[(index + 1) % writers.length] ?? writer;
          do await turn(writer, owner);
          while (!over);
        })(),
      ]),
    );
  };
  const refusals = (): string[] =>
    writers.flatMap(({ refused, subscribed, name }) => [...refused, ...(subscribed === null ? [name] : [])]);

  const stop = answerAll(reader);
  await work(new Promise((resolve) => setTimeout(resolve, 300)));
  await work(first.stop('SIGTERM'));
  assert.deepEqual(refusals(), [], 'a process that ends loses nothing');
  const third = await instance(t, core, url);
  await work(new Promise((resolve) => setTimeout(resolve, 300)));
  assert.deepEqual(refusals(), [], 'one that joins neither');
  await work(second.stop('SIGKILL'));
  await work(new Promise((resolve) => setTimeout(resolve, 300)));
  stop();

  for (const [index, writer] of writers.entries()) {
    if (writer.subscribed === null) continue;
    const owner = writers[(index + 1) % writers.length] ?? writer;
    assert.equal(await isSubscribed(writer, owner), writer.subscribed, `${writer.name} at ${owner.name}`);
  }
  const told = await heard(reader);
  for (const { name, acknowledged, refused, client } of writers) {
    const items = await client.iq('get', pubsub(`<items node='${NODE}'/>`));
    const kept = itemIds([items.text]);
    const mine = told.filter((id) => id.startsWith(`${name}-`));
    assert.equal(new Set(kept).size, kept.length, `${name}: an item is kept once`);
    assert.deepEqual(
      [...acknowledged].filter((id) => !kept.includes(id)),
      [],
      `${name}: nothing acknowledged is lost`,
    );
    assert.deepEqual(
      [...acknowledged].filter((id) => id !== `${name}-1` && !mine.includes(id)),
      [],
      `${name}: every acknowledged item was notified`,
    );
    assert.equal(new Set(mine).size, mine.length, `${name}: nobody is told twice: ${mine}`);
    const order = mine.map((id) => Number(id.split('-')[1]));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      `${name}: in order`,
    );
    assert.ok(refused.size <= 1, `${name}: at most the one that was under way is refused`);
  }

  // somebody who comes online gets each last item once, whoever serves its owner
  const fourth = await instance(t, core, url);
  const late = await core.login('reader', 'late');
  late.send(interests.presence);
  const followed = writers.filter((_, index) => index % 2 === 0);
  const lasts: string[] = [];
  while (lasts.length < followed.length) {
    const message = await late.stanza((stanza: Stanza) => stanza.name === 'message');
    lasts.push(...itemIds([message.text]));
  }
  await late.ping();
  assert.deepEqual(messagesOf(late), []);
  assert.deepEqual(new Set(lasts.map((id) => id.split('-')[0])).size, lasts.length);
  assert.ok(followed.every(({ name }) => lasts.some((id) => id.startsWith(`${name}-`))));
  for (const process of [third, fourth]) assert.ok(!/"level":50/.test(process.output), process.output);
  for (const { client } of writers) await client.close();
});

/** Answers every question for capabilities from now on. */
function answerAll(client: RawClient): () => void {
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) {
      await interests.answer(client).catch(() => {
        over = true;
      });
    }
  };
  void loop();
  return () => {
    over = true;
  };
}

test('a process with an embedded store of its own refuses to share', async (t) => {
  const core = await CoreUnderTest.start({
    COMPONENTS: 'pep',
    COMPONENT_PEP_SECRET: 'secret',
    COMPONENT_PEP_CONFLICT: 'share',
  });
  t.after(() => core.stop());
  const folder = mkdtempSync(join(tmpdir(), 'entourage-share-'));
  const { host, port } = core.address('component');
  const pep = new ProcessUnderTest('pep', folder, {
    CORE_HOST: host,
    CORE_PORT: String(port),
    PEP_SECRET: 'secret',
  });
  t.after(async () => {
    await pep.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await pep.said(/component\.share-refused/);
  await core.process.said(/"component\.down"/);
});
