import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Stanza } from '../../shared/xml/stanza.js';
import { assertSame } from '../tools/canonical.js';
import { CoreUnderTest, ProcessUnderTest } from '../tools/core-harness.js';
import {
  type ForeignComponent,
  startEjabberdWith,
  startProsodyWith,
} from '../tools/foreign/component-host.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { befriend, Interests } from '../tools/pep/interested-client.js';
import {
  errorOf,
  nextMessage,
  notification,
  ownerPubsub,
  publishRequest,
  pubsub,
  replyTo,
} from '../tools/pep/pubsub.js';
import { RawClient } from '../tools/raw-client.js';

const PEP: ForeignComponent = {
  domain: 'pep.localhost',
  secret: 'hush',
  delegations: ['http://jabber.org/protocol/pubsub', 'http://jabber.org/protocol/pubsub#owner'],
  privileged: true,
  iqs: { 'http://jabber.org/protocol/disco#info': 'get', 'vcard-temp': 'both' },
  replaces: ['pep'],
};
const users = { juliet: 'secret', romeo: 'secret', paris: 'secret' };
const TUNE = 'http://jabber.org/protocol/tune';
const JULIET = 'juliet@localhost';
const item = (title: string): string =>
  `<item id='current'><tune xmlns='${TUNE}'><title>${title}</title></tune></item>`;

/** What differs between the servers that it runs on. */
interface Differences {
  /** Who asks for capabilities. */
  readonly asks: 'account' | 'component';
  /** Whether nodes are discoverable (XEP-0355 §7.2.4, §7.2.5). */
  readonly remainingDisco: boolean;
}

test('personal eventing behind our own core (:2)', async (t) => {
  const core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: PEP.secret });
  t.after(() => core.stop());
  await core.addUsers('juliet', 'romeo', 'paris');
  const ports = { c2sPort: core.address('c2s').port, componentPort: core.address('component').port };
  await conversation(t, ports, { asks: 'account', remainingDisco: true });
});

test('personal eventing behind Prosody (:2)', async (t) => {
  const rest = ['disco#info', 'disco#items'].map((what) => `urn:xmpp:delegation:2:bare:${what}:*`);
  const server = await startProsodyWith({ ...PEP, delegations: [...PEP.delegations, ...rest] }, users);
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  await conversation(t, server, { asks: 'account', remainingDisco: true });
});

test('personal eventing behind ejabberd (:1)', async (t) => {
  const server = await startEjabberdWith(PEP, users);
  if (server === undefined) return t.skip('ejabberd is not installed');
  t.after(() => server.stop());
  await conversation(t, server, { asks: 'component', remainingDisco: false });
});

async function conversation(
  t: TestContext,
  server: Pick<ForeignServer, 'c2sPort' | 'componentPort'>,
  differences: Differences,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pep-'));
  const pep = new ProcessUnderTest('pep', folder, {
    CORE_PORT: String(server.componentPort),
    CORE_DOMAIN: 'localhost',
    PEP_DOMAIN: PEP.domain,
    PEP_SECRET: PEP.secret,
  });
  t.after(async () => {
    await pep.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await pep.ready();
  const online = async (user: string, resource: string): Promise<RawClient> => {
    const client = await RawClient.connect('127.0.0.1', server.c2sPort);
    t.after(() => client.cut());
    await client.login(user, 'secret', 'localhost', resource);
    return client;
  };
  const juliet = await online('juliet', 'balcony');
  const romeo = await online('romeo', 'orchard');
  const paris = await online('paris', 'street');
  for (const client of [juliet, romeo, paris]) await client.goOnline();
  await befriend(juliet, romeo);

  // The interested contact comes online once more: such servers tell initial presence only.
  const interests = new Interests(TUNE);
  const chamber = await online('romeo', 'chamber');
  chamber.send(interests.presence);
  const asker = await interests.answer(chamber);
  assert.equal(asker, differences.asks === 'account' ? 'romeo@localhost' : PEP.domain);
  await chamber.ping();
  await romeo.ping();

  const published = await juliet.iq('set', publishRequest(TUNE, item('Introduction')));
  assertSame(
    published,
    `<iq type='result' id='*' from='${JULIET}' to='juliet@localhost/balcony'>${pubsub(`<publish node='${TUNE}'><item id='current'/></publish>`)}</iq>`,
  );
  assertSame(
    await nextMessage(chamber),
    notification(
      { from: JULIET, to: 'romeo@localhost/chamber', more: replyTo('juliet@localhost/balcony') },
      `<items node='${TUNE}'>${item('Introduction')}</items>`,
    ),
  );

  // Access and errors travel.
  const items = pubsub(`<items node='${TUNE}'/>`);
  assertSame(
    await romeo.iq('get', items, JULIET),
    `<iq type='result' id='*' from='${JULIET}' to='romeo@localhost/orchard'>${pubsub(`<items node='${TUNE}'>${item('Introduction')}</items>`)}</iq>`,
  );
  assert.equal(
    errorOf(await paris.iq('get', items, JULIET)),
    'auth, not-authorized, presence-subscription-required',
  );
  assert.equal(errorOf(await romeo.iq('set', publishRequest(TUNE, item('Evil')), JULIET)), 'auth, forbidden');
  assert.equal(
    errorOf(await juliet.iq('set', publishRequest(TUNE, item('x'), { access_model: 'open' }))),
    'cancel, conflict, precondition-not-met',
  );

  // Last item for who comes online.
  const late = await online('romeo', 'late');
  late.send(interests.presence);
  const delayed = await nextMessage(late);
  assert.ok(delayed.hasChild('delay', 'urn:xmpp:delay'), delayed.text);

  // Explicit subscription of a stranger.
  await juliet.iq('set', publishRequest('urn:example:open', item('open'), { access_model: 'open' }));
  const subscribed = await paris.iq(
    'set',
    pubsub("<subscribe node='urn:example:open' jid='paris@localhost/street'/>"),
    JULIET,
  );
  assert.equal(subscribed.type, 'result', subscribed.text);
  await nextMessage(paris);

  // Discovery.
  const info = await juliet.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", JULIET);
  const identities = info.element.getChild('query')?.getChildren('identity') ?? [];
  assert.ok(
    identities.some(({ attrs }) => attrs['category'] === 'pubsub' && attrs['type'] === 'pep'),
    info.text,
  );
  const nodes = await juliet.iq('get', "<query xmlns='http://jabber.org/protocol/disco#items'/>", JULIET);
  const listed =
    nodes.element
      .getChild('query')
      ?.getChildren('item')
      .flatMap(({ attrs }) => attrs['node'] ?? []) ?? [];
  assert.deepEqual(listed, differences.remainingDisco ? [TUNE, 'urn:example:open'] : []);

  // The owner deletes the node; a contact hears of it.
  await chamber.ping();
  chamber.received.length = 0;
  assert.equal((await juliet.iq('set', ownerPubsub(`<delete node='${TUNE}'/>`))).type, 'result');
  assertSame(
    await nextMessage(chamber),
    notification({ from: JULIET, to: 'romeo@localhost/chamber' }, `<delete node='${TUNE}'/>`),
  );

  // Who becomes a contact later on is let in, until that is over: not every server pushes rosters.
  await juliet.iq('set', publishRequest(TUNE, item('Later')));
  assert.equal((await paris.iq('get', items, JULIET)).type, 'error');
  await befriend(juliet, paris);
  await eventually('result', () => paris.iq('get', items, JULIET));
  juliet.send("<presence to='paris@localhost' type='unsubscribed'/>");
  await eventually('error', () => paris.iq('get', items, JULIET));
}

/** Asks until the answer is of this type. */
async function eventually(type: 'result' | 'error', ask: () => Promise<Stanza>): Promise<void> {
  const end = performance.now() + 5_000;
  for (;;) {
    const answer = await ask();
    if (answer.type === type) return;
    if (performance.now() > end) assert.fail(answer.text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
