import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Bystanders, growthDuring, memoryOf } from '../../tools/bystanders.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { deafen, sleep } from '../../tools/flood.js';
import type { RawClient } from '../../tools/raw-client.js';

// The services behind the core (XEP-0205 §2: they amplify): what they keep is bounded, what one user asks of them is
// not what all others wait for.

const MEGABYTE = 1024 * 1024;
const PUBSUB = 'http://jabber.org/protocol/pubsub';
let core: CoreUnderTest;
let bystanders: Bystanders;
const services = new Map<string, ProcessUnderTest>();

before(async () => {
  core = await CoreUnderTest.start({
    LOG_LEVEL: 'info',
    COMPONENTS: 'muc,pep,vcard,privacy',
    ...Object.fromEntries(
      ['MUC', 'PEP', 'VCARD', 'PRIVACY'].map((name) => [`COMPONENT_${name}_SECRET`, 'secret']),
    ),
  });
  const settings: Readonly<Record<string, Record<string, string>>> = {
    muc: { MUC_HISTORY_BYTES: '20000', MUC_ROOMS_PER_USER: '3', MUC_MESSAGE_BYTES: '10K', MUC_RATE: '50' },
    pep: { PEP_MAX_NODES: '5', PEP_MAX_ITEMS: '50', PEP_MAX_PAYLOAD_BYTES: '20K', PEP_MAX_NODE_BYTES: '64K' },
    vcard: { VCARD_MAX_BYTES: '20K' },
    privacy: { PRIVACY_MAX_LISTS: '3', PRIVACY_MAX_ITEMS: '100' },
  };
  for (const [name, own] of Object.entries(settings))
    services.set(name, await core.component(name, { LOG_LEVEL: 'info', ...own }));
  await core.addUsers('writer', 'reader', 'mallory', 'owner', 'guest');
  bystanders = await Bystanders.start(core);
});
after(async () => {
  await bystanders.stop();
  await core.stop();
});

async function flood(what: string, service: string, run: () => Promise<unknown>): Promise<void> {
  const process = services.get(service) as ProcessUnderTest;
  const before = memoryOf(process);
  const growth = await growthDuring(core.process, () => bystanders.unhurtBy(what, run));
  assert.ok(growth < 150 * MEGABYTE, `${what}: the core grew by ${growth} bytes`);
  assert.ok(memoryOf(process) - before < 250 * MEGABYTE, `${what}: ${service} grew much`);
}

/** Sends so many, and counts the answers: results, and errors by condition. */
async function answers(
  client: RawClient,
  count: number,
  request: (k: number) => string,
): Promise<Map<string, number>> {
  for (let k = 0; k < count; k++) client.send(request(k));
  const counts = new Map<string, number>();
  for (let k = 0; k < count; k++) {
    const answer = await client.stanza(
      (stanza) => stanza.name === 'iq' && (stanza.type === 'result' || stanza.type === 'error'),
      20_000,
    );
    const condition = /<([a-z-]+) xmlns=['"]urn:ietf:params:xml:ns:xmpp-stanzas['"]/.exec(answer.source)?.[1];
    const what = answer.type === 'result' ? 'result' : (condition ?? 'error');
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

describe('rooms', () => {
  const MUC = 'http://jabber.org/protocol/muc';
  const join = (room: string, nick: string) =>
    `<presence to='${room}@conference.localhost/${nick}'><x xmlns='${MUC}'/></presence>`;
  const isMine = (stanza: { source: string }) => stanza.source.includes("code='110'");
  let owner: RawClient;
  before(async () => {
    owner = await core.online('owner');
    owner.send(join('hall', 'owner'));
    await owner.stanza(isMine);
    owner.send(
      `<iq type='set' to='hall@conference.localhost' id='c'><query xmlns='${MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
    );
    await owner.stanza((stanza) => stanza.id === 'c');
  });

  test('a newcomer is sent no more history than MUC_HISTORY_BYTES', async () => {
    for (let k = 0; k < 20; k++) {
      owner.send(
        `<message to='hall@conference.localhost' type='groupchat' id='h${k}'><body>${'h'.repeat(3000)}</body></message>`,
      );
      await owner.stanza((stanza) => stanza.name === 'message' && stanza.id === `h${k}`);
    }
    const guest = await core.online('guest');
    guest.send(join('hall', 'guest'));
    await guest.stanza((stanza) => stanza.source.includes('<subject'));
    const history = guest.received.filter(
      (item) => item.kind === 'element' && item.stanza.source.includes('<delay'),
    );
    assert.ok(history.length >= 4 && history.length <= 6, `${history.length} messages of 3 KB`);
    guest.cut();
  });

  test('join and leave without end: resource-constraint where there is a rate, and others go on', async () => {
    const guest = await core.online('guest', 'churn');
    deafen(guest);
    await flood('join and leave', 'muc', async () => {
      const until = performance.now() + 800;
      const round = `${join('hall', 'guest')}<presence type='unavailable' to='hall@conference.localhost/guest'/>`;
      while (performance.now() < until) {
        guest.send(round.repeat(20));
        await sleep(10);
      }
    });
    guest.cut();
    owner.send(
      "<iq type='get' to='hall@conference.localhost' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    );
    assert.equal((await owner.stanza((stanza) => stanza.id === 'd', 15_000)).type, 'result');
  });

  test('messages faster than MUC_RATE, larger than MUC_MESSAGE_BYTES, and subjects without end', async () => {
    const guest = await core.online('guest', 'loud');
    guest.send(join('hall', 'loud'));
    await guest.stanza((stanza) => stanza.source.includes('<subject'));
    for (let k = 0; k < 200; k++)
      guest.send(
        `<message to='hall@conference.localhost' type='groupchat' id='r${k}'><body>x</body></message>`,
      );
    const refused = await guest.stanza((stanza) => stanza.name === 'message' && stanza.type === 'error');
    assert.match(refused.source, /<resource-constraint /);
    await sleep(1200);
    guest.send(
      `<message to='hall@conference.localhost' type='groupchat' id='big'><body>${'x'.repeat(11_000)}</body></message>`,
    );
    const big = await guest.stanza((stanza) => stanza.id === 'big');
    assert.match(big.source, /<(not-acceptable|policy-violation|resource-constraint) /);
    owner.send(
      `<message to='hall@conference.localhost' type='groupchat' id='subject'><subject>${'s'.repeat(2000)}</subject></message>`,
    );
    assert.equal((await owner.stanza((stanza) => stanza.id === 'subject')).type, 'error');
    guest.cut();
  });

  test('rooms of one user are counted', async () => {
    const guest = await core.online('guest', 'builder');
    for (let k = 0; k < 3; k++) {
      guest.send(join(`own${k}`, 'me'));
      await guest.stanza(isMine);
    }
    guest.send(join('own3', 'me'));
    const refused = await guest.stanza((stanza) => stanza.name === 'presence' && stanza.type === 'error');
    assert.match(refused.source, /<(resource-constraint|not-allowed) /);
    guest.cut();
  });
});

describe('personal eventing', () => {
  const publish = (node: string, item: string, payload: string) =>
    `<iq type='set' id='p'><pubsub xmlns='${PUBSUB}'><publish node='${node}'><item id='${item}'><x xmlns='urn:example:x'>${payload}</x></item></publish>` +
    "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>" +
    "<field var='pubsub#max_items'><value>max</value></field></x></publish-options></pubsub></iq>";

  test('nodes, payloads and items: refused, or the oldest go, at their limits', async () => {
    const mallory = await core.online('mallory', 'pep');
    for (let k = 0; k < 5; k++)
      assert.equal((await answers(mallory, 1, () => publish(`n${k}`, 'i', 'x'))).get('result'), 1);
    const sixth = await answers(mallory, 1, () => publish('n5', 'i', 'x'));
    assert.ok(!sixth.has('result'), [...sixth.keys()].join());
    const large = await answers(mallory, 1, () => publish('n0', 'i', 'x'.repeat(21_000)));
    assert.ok(large.has('not-acceptable'), [...large.keys()].join());
    for (let k = 0; k < 10; k++) await answers(mallory, 1, () => publish('n1', `i${k}`, 'y'.repeat(15_000)));
    const items = await mallory.iq('get', `<pubsub xmlns='${PUBSUB}'><items node='n1'/></pubsub>`);
    const kept = [...items.source.matchAll(/<item id=['"](i\d)/g)].map(([, id]) => id);
    assert.deepEqual(kept, ['i6', 'i7', 'i8', 'i9'], 'the newest 64 KB');
    mallory.cut();
  });

  test('a flood of publications: 32 wait, the rest is resource-constraint; others go on', async () => {
    const mallory = await core.online('mallory', 'pepflood');
    let counts = new Map<string, number>();
    await flood('publications', 'pep', async () => {
      counts = await answers(mallory, 300, (k) => publish('n2', `i${k}`, 'x'.repeat(2000)));
    });
    const refused = counts.get('resource-constraint') ?? 0;
    assert.equal(refused + (counts.get('result') ?? 0), 300, JSON.stringify([...counts]));
    assert.ok(refused > 0, JSON.stringify([...counts]));
    mallory.cut();
  });
});

describe('vCards and lists', () => {
  test('a vCard beyond VCARD_MAX_BYTES is refused; a flood of vCards is somebody’s own', async () => {
    const mallory = await core.online('mallory', 'vcard');
    const set = (size: number) =>
      `<iq type='set' id='v'><vCard xmlns='vcard-temp'><DESC>${'v'.repeat(size)}</DESC></vCard></iq>`;
    const large = await answers(mallory, 1, () => set(21_000));
    assert.ok(!large.has('result'), [...large.keys()].join());
    let counts = new Map<string, number>();
    await flood('vCards', 'vcard', async () => {
      counts = await answers(mallory, 300, () => set(15_000));
    });
    assert.ok(
      (counts.get('result') ?? 0) >= 1 && !counts.has('internal-server-error'),
      JSON.stringify([...counts]),
    );
    mallory.cut();
  });

  test('privacy lists: number, items, and a flood of them', async () => {
    const mallory = await core.online('mallory', 'lists');
    const list = (name: string, items: number) =>
      `<iq type='set' id='l'><query xmlns='jabber:iq:privacy'><list name='${name}'>${Array.from(
        { length: items },
        (_, k) => `<item type='jid' value='a${k}@b.test' action='deny' order='${k}'/>`,
      ).join('')}</list></query></iq>`;
    const many = await answers(mallory, 1, () => list('a', 101));
    assert.ok(!many.has('result'), [...many.keys()].join());
    for (const name of ['a', 'b', 'c'])
      assert.equal((await answers(mallory, 1, () => list(name, 100))).get('result'), 1);
    const fourth = await answers(mallory, 1, () => list('d', 1));
    assert.ok(!fourth.has('result'), [...fourth.keys()].join());
    let counts = new Map<string, number>();
    await flood('privacy lists', 'privacy', async () => {
      counts = await answers(mallory, 200, (k) => list('abc'[k % 3] ?? 'a', 100));
    });
    assert.ok(!counts.has('internal-server-error'), JSON.stringify([...counts]));
    mallory.cut();
  });
});
