import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Stanza } from '../../../shared/xml/stanza.js';
import { canonical } from '../../tools/canonical.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import {
  errorOf,
  messagesOf,
  nextMessage,
  notification,
  ownerPubsub,
  PUBSUB,
  publishRequest,
  pubsub,
  submission,
} from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const NODE = 'urn:example:node';
const JULIET = 'juliet@localhost';
const payload = (text: string): string => `<entry xmlns='urn:example:entry'>${text}</entry>`;
const item = (id: string, text = id): string => `<item id='${id}'>${payload(text)}</item>`;
const result = (to: string, content = ''): string =>
  content === ''
    ? `<iq type='result' id='*' from='${JULIET}' to='${to}'/>`
    : `<iq type='result' id='*' from='${JULIET}' to='${to}'>${content}</iq>`;

function assertSame(stanza: Stanza, expected: string): void {
  assert.equal(canonical(stanza.element, expected), canonical(Stanza.parse(expected).element, expected));
}

/** XEP-0060 by its sections, as an account's service (XEP-0163). */
describe('use cases of XEP-0060', () => {
  let core: CoreUnderTest;
  let juliet: RawClient;
  /** A contact. */
  let romeo: RawClient;
  /** A stranger. */
  let paris: RawClient;

  const ask = (client: RawClient, type: 'get' | 'set', content: string): Promise<Stanza> =>
    client.iq(type, content, JULIET);
  const own = (type: 'get' | 'set', content: string): Promise<Stanza> => juliet.iq(type, content);
  const create = async (config?: Readonly<Record<string, string | readonly string[]>>): Promise<void> => {
    const configure =
      config === undefined ? '' : `<configure>${submission('node_config', config)}</configure>`;
    const answer = await own('set', pubsub(`<create node='${NODE}'/>${configure}`));
    assert.equal(answer.type, 'result', answer.text);
  };
  const publish = async (id: string, text = id): Promise<void> => {
    const answer = await own('set', publishRequest(NODE, item(id, text)));
    assert.equal(answer.type, 'result', answer.text);
  };
  const ids = async (client: RawClient, content = `<items node='${NODE}'/>`): Promise<string[]> => {
    const answer = await ask(client, 'get', pubsub(content));
    assert.equal(answer.type, 'result', answer.text);
    const items = answer.element.getChild('pubsub', PUBSUB)?.getChild('items');
    return (items?.getChildren('item') ?? []).map(({ attrs }) => attrs['id'] ?? '');
  };
  const subscribe = (client: RawClient, jid: string): Promise<Stanza> =>
    ask(client, 'set', pubsub(`<subscribe node='${NODE}' jid='${jid}'/>`));
  const affiliate = async (jid: string, affiliation: string): Promise<void> => {
    const answer = await own(
      'set',
      ownerPubsub(
        `<affiliations node='${NODE}'><affiliation jid='${jid}' affiliation='${affiliation}'/></affiliations>`,
      ),
    );
    assert.equal(answer.type, 'result', answer.text);
  };

  before(async () => {
    core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
    await core.addUsers('juliet', 'romeo', 'paris');
    await core.component('pep', { PEP_MAX_NODES: '5', PEP_MAX_ITEMS: '20', PEP_MAX_SUBSCRIPTIONS: '3' });
    juliet = await core.online('juliet', 'balcony');
    romeo = await core.online('romeo', 'orchard');
    paris = await core.online('paris', 'street');
    await befriend(juliet, romeo);
    const interests = new Interests(NODE);
    romeo.send(interests.presence);
    await interests.answer(romeo);
    await romeo.ping();
  });
  after(() => core.stop());

  beforeEach(async () => {
    const items = await ask(juliet, 'get', "<query xmlns='http://jabber.org/protocol/disco#items'/>");
    for (const { attrs } of items.element.getChild('query')?.getChildren('item') ?? []) {
      await own('set', ownerPubsub(`<delete node='${attrs['node']}'/>`));
    }
    for (const client of [juliet, romeo, paris]) {
      await client.ping();
      client.received.length = 0;
    }
  });

  test('§5.1 an account is a pubsub/pep service', async () => {
    const answer = await ask(juliet, 'get', "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    const query = answer.element.getChild('query');
    assert.ok(
      query
        ?.getChildren('identity')
        .some(({ attrs }) => attrs['category'] === 'pubsub' && attrs['type'] === 'pep'),
    );
    const features = query?.getChildren('feature').map(({ attrs }) => attrs['var']);
    for (const name of [
      'access-presence',
      'auto-create',
      'auto-subscribe',
      'filtered-notifications',
      'publish-options',
    ]) {
      assert.ok(features?.includes(`${PUBSUB}#${name}`), name);
    }
  });

  test('§5.2, §5.5 nodes and items are discoverable by those who may see them', async () => {
    await create({ title: 'Diary', max_items: '5' });
    await publish('one');
    await publish('two');
    const query = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    assertSame(
      await ask(romeo, 'get', query),
      result(
        'romeo@localhost/orchard',
        `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='${JULIET}' node='${NODE}' name='Diary'/></query>`,
      ),
    );
    assert.equal(errorOf(await ask(paris, 'get', query)), 'cancel, service-unavailable');
    const itemsQuery = `<query xmlns='http://jabber.org/protocol/disco#items' node='${NODE}'/>`;
    assertSame(
      await ask(romeo, 'get', itemsQuery),
      result(
        'romeo@localhost/orchard',
        `<query xmlns='http://jabber.org/protocol/disco#items' node='${NODE}'><item jid='${JULIET}' name='one'/><item jid='${JULIET}' name='two'/></query>`,
      ),
    );
    assert.equal(
      errorOf(await ask(paris, 'get', itemsQuery)),
      'auth, not-authorized, presence-subscription-required',
    );
  });

  test('§5.3, §5.4 a node has meta-data', async () => {
    await create({ title: 'Diary', max_items: '5', access_model: 'open' });
    const info = `<query xmlns='http://jabber.org/protocol/disco#info' node='${NODE}'/>`;
    const field = (name: string, type: string, label: string, value: string): string =>
      `<field var='pubsub#${name}' type='${type}' label='${label}'><value>${value}</value></field>`;
    assertSame(
      await ask(paris, 'get', info),
      result(
        'paris@localhost/street',
        `<query xmlns='http://jabber.org/protocol/disco#info' node='${NODE}'><identity category='pubsub' type='leaf' name='Diary'/>` +
          `<feature var='${PUBSUB}'/><x xmlns='jabber:x:data' type='result'>` +
          `<field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#meta-data</value></field>` +
          field('creator', 'jid-single', 'Node creator', JULIET) +
          field('creation_date', 'text-single', 'Creation date', '*') +
          field('title', 'text-single', 'A short name for the node', 'Diary') +
          field('access_model', 'list-single', 'Access model', 'open') +
          field('publish_model', 'list-single', 'Publish model', 'publishers') +
          field('max_items', 'text-single', 'The most items that are kept', '5') +
          field('owner', 'jid-multi', 'Node owners', JULIET) +
          field('publisher', 'jid-multi', 'Publishers to this node', JULIET) +
          field('num_subscribers', 'text-single', 'Number of subscribers to this node', '0') +
          '</x></query>',
      ),
    );
    const nothing = "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:none'/>";
    assert.equal(errorOf(await ask(paris, 'get', nothing)), 'cancel, item-not-found');
  });

  test('§5.6, §5.7 one’s own subscriptions and affiliations', async () => {
    await create({ access_model: 'open' });
    assertSame(
      await ask(paris, 'get', pubsub('<subscriptions/>')),
      result('paris@localhost/street', pubsub('<subscriptions/>')),
    );
    await subscribe(paris, 'paris@localhost');
    await affiliate('paris@localhost', 'member');
    assertSame(
      await ask(paris, 'get', pubsub('<subscriptions/>')),
      result(
        'paris@localhost/street',
        pubsub(
          `<subscriptions><subscription node='${NODE}' jid='paris@localhost' subscription='subscribed' subid='*'/></subscriptions>`,
        ),
      ),
    );
    assertSame(
      await ask(paris, 'get', pubsub('<affiliations/>')),
      result(
        'paris@localhost/street',
        pubsub(`<affiliations><affiliation node='${NODE}' affiliation='member'/></affiliations>`),
      ),
    );
    assertSame(
      await own('get', pubsub('<affiliations/>')),
      result(
        'juliet@localhost/balcony',
        pubsub(`<affiliations><affiliation node='${NODE}' affiliation='owner'/></affiliations>`),
      ),
    );
  });

  test('§6.1 subscribing: the subscription, then the last item; the subscriber hears of events', async () => {
    await create({ access_model: 'open' });
    await publish('one');
    assertSame(
      await subscribe(paris, 'paris@localhost'),
      result(
        'paris@localhost/street',
        pubsub(`<subscription node='${NODE}' jid='paris@localhost' subid='*' subscription='subscribed'/>`),
      ),
    );
    // Who does not receive the owner's presence is not told the publishing resource (XEP-0163 §4.3.1).
    assertSame(
      await nextMessage(paris),
      notification(
        { from: JULIET, to: 'paris@localhost', more: "<delay xmlns='urn:xmpp:delay' stamp='*'/>" },
        `<items node='${NODE}'>${item('one')}</items>`,
      ),
    );
    await publish('two');
    assertSame(
      await nextMessage(paris),
      notification({ from: JULIET, to: 'paris@localhost' }, `<items node='${NODE}'>${item('two')}</items>`),
    );
    const again = await subscribe(paris, 'paris@localhost');
    assert.equal(again.type, 'result');
  });

  test('§6.1.3 errors of subscribing', async () => {
    assert.equal(errorOf(await subscribe(romeo, 'romeo@localhost')), 'cancel, item-not-found');
    await create();
    assert.equal(errorOf(await subscribe(romeo, 'juliet@localhost')), 'modify, bad-request, invalid-jid');
    assert.equal(
      errorOf(await ask(romeo, 'set', pubsub(`<subscribe node='${NODE}'/>`))),
      'modify, bad-request, invalid-jid',
    );
    assert.equal(
      errorOf(await ask(romeo, 'set', pubsub("<subscribe jid='romeo@localhost'/>"))),
      'modify, bad-request, nodeid-required',
    );
    assert.equal(
      errorOf(await subscribe(paris, 'paris@localhost')),
      'auth, not-authorized, presence-subscription-required',
    );
    const configure = async (config: Readonly<Record<string, string>>): Promise<void> => {
      const form = ownerPubsub(`<configure node='${NODE}'>${submission('node_config', config)}</configure>`);
      assert.equal((await own('set', form)).type, 'result');
    };
    await configure({ access_model: 'roster', roster_groups_allowed: 'Friends' });
    assert.equal(
      errorOf(await subscribe(romeo, 'romeo@localhost')),
      'auth, not-authorized, not-in-roster-group',
    );
    await configure({ access_model: 'whitelist' });
    assert.equal(errorOf(await subscribe(romeo, 'romeo@localhost')), 'cancel, not-allowed, closed-node');
    await configure({ access_model: 'open', subscribe: '0' });
    assert.equal(
      errorOf(await subscribe(romeo, 'romeo@localhost')),
      'cancel, feature-not-implemented, unsupported subscribe',
    );
    await configure({ subscribe: '1' });
    await affiliate('romeo@localhost', 'outcast');
    assert.equal(errorOf(await subscribe(romeo, 'romeo@localhost')), 'auth, forbidden');
    for (const resource of ['a', 'b', 'c']) {
      assert.equal((await subscribe(paris, `paris@localhost/${resource}`)).type, 'result');
    }
    assert.equal(
      errorOf(await subscribe(paris, 'paris@localhost/d')),
      'wait, policy-violation, too-many-subscriptions',
    );
  });

  test('§6.1.4, §8.6 authorize: pending, asked, approved or denied', async () => {
    await create({ access_model: 'authorize' });
    await publish('one');
    assert.equal(
      errorOf(await ask(paris, 'get', pubsub(`<items node='${NODE}'/>`))),
      'auth, not-authorized, not-subscribed',
    );
    assertSame(
      await subscribe(paris, 'paris@localhost'),
      result(
        'paris@localhost/street',
        pubsub(`<subscription node='${NODE}' jid='paris@localhost' subid='*' subscription='pending'/>`),
      ),
    );
    assert.equal(
      errorOf(await subscribe(paris, 'paris@localhost')),
      'auth, not-authorized, pending-subscription',
    );
    const request = await nextMessage(juliet);
    assertSame(
      request,
      "<message from='pep.localhost' to='juliet@localhost' id='*'><x xmlns='jabber:x:data' type='form'>" +
        '<title>Subscription request</title><instructions>*</instructions>' +
        `<field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#subscribe_authorization</value></field>` +
        "<field var='pubsub#subid' type='hidden'><value>*</value></field>" +
        `<field var='pubsub#node' type='text-single' label='Node ID'><value>${NODE}</value><required/></field>` +
        "<field var='pubsub#subscriber_jid' type='jid-single' label='Subscriber'><value>paris@localhost</value><required/></field>" +
        "<field var='pubsub#allow' type='boolean' label='Allow this JID to subscribe to this node?'><value>0</value><required/></field></x></message>",
    );
    const decide = (type: string, allow: string): void =>
      juliet.send(
        `<message to='pep.localhost' id='${request.id}'><x xmlns='jabber:x:data' type='${type}'>` +
          `<field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#subscribe_authorization</value></field>` +
          `<field var='pubsub#node'><value>${NODE}</value></field>` +
          "<field var='pubsub#subscriber_jid'><value>paris@localhost</value></field>" +
          `<field var='pubsub#allow'><value>${allow}</value></field></x></message>`,
      );
    decide('cancel', '');
    decide('submit', '1');
    assertSame(
      await nextMessage(paris),
      notification(
        { from: JULIET, to: 'paris@localhost' },
        `<subscription node='${NODE}' jid='paris@localhost' subscription='subscribed' subid='*'/>`,
      ),
    );
    await nextMessage(paris);
    assert.deepEqual(await ids(paris), ['one']);
    // Denied: a second request of another resource.
    const list = `<subscriptions node='${NODE}'><subscription jid='paris@localhost' subscription='none'/></subscriptions>`;
    assert.equal((await own('set', ownerPubsub(list))).type, 'result');
    await nextMessage(paris);
    await subscribe(paris, 'paris@localhost');
    await nextMessage(juliet);
    decide('submit', '0');
    assertSame(
      await nextMessage(paris),
      notification(
        { from: JULIET, to: 'paris@localhost' },
        `<subscription node='${NODE}' jid='paris@localhost' subscription='none' subid='*'/>`,
      ),
    );
    // A stranger approves nothing.
    paris.send(
      `<message to='pep.localhost' id='evil'><x xmlns='jabber:x:data' type='submit'>` +
        `<field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#subscribe_authorization</value></field>` +
        `<field var='pubsub#node'><value>${NODE}</value></field>` +
        "<field var='pubsub#subscriber_jid'><value>paris@localhost</value></field>" +
        "<field var='pubsub#allow'><value>1</value></field></x></message>",
    );
    const refused = await paris.stanza((stanza) => stanza.id === 'evil');
    assert.equal(errorOf(refused), 'cancel, item-not-found');
  });

  test('§6.2 unsubscribing and its errors', async () => {
    await create({ access_model: 'open' });
    const subscription = await subscribe(paris, 'paris@localhost');
    const subid =
      subscription.element.getChild('pubsub', PUBSUB)?.getChild('subscription')?.attrs['subid'] ?? '';
    const unsubscribe = (client: RawClient, attributes: string): Promise<Stanza> =>
      ask(client, 'set', pubsub(`<unsubscribe ${attributes}/>`));
    assert.equal(
      errorOf(await unsubscribe(paris, `node='${NODE}' jid='paris@localhost' subid='wrong'`)),
      'modify, not-acceptable, invalid-subid',
    );
    assert.equal(
      errorOf(await unsubscribe(romeo, `node='${NODE}' jid='paris@localhost'`)),
      'auth, forbidden',
    );
    assertSame(
      await unsubscribe(paris, `node='${NODE}' jid='paris@localhost' subid='${subid}'`),
      result(
        'paris@localhost/street',
        pubsub(`<subscription node='${NODE}' jid='paris@localhost' subid='${subid}' subscription='none'/>`),
      ),
    );
    assert.equal(
      errorOf(await unsubscribe(paris, `node='${NODE}' jid='paris@localhost'`)),
      'cancel, unexpected-request, not-subscribed',
    );
    assert.equal(
      errorOf(await unsubscribe(paris, "node='urn:none' jid='paris@localhost'")),
      'cancel, item-not-found',
    );
    await publish('one');
    await paris.ping();
    assert.deepEqual(messagesOf(paris), []);
  });

  test('§6.3, §6.4 subscription options are not supported, and said so', async () => {
    const options = pubsub(`<options node='${NODE}' jid='romeo@localhost'/>`);
    assert.equal(
      errorOf(await ask(romeo, 'get', options)),
      'cancel, feature-not-implemented, unsupported subscription-options',
    );
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub(`<default node='${NODE}'/>`))),
      'cancel, feature-not-implemented, unsupported retrieve-default-sub',
    );
  });

  test('§6.5 retrieving items: all, the newest, by id, by page', async () => {
    await create({ max_items: 'max' });
    for (const id of ['a', 'b', 'c', 'd']) await publish(id);
    assert.deepEqual(await ids(romeo), ['a', 'b', 'c', 'd']);
    assert.deepEqual(await ids(romeo, `<items node='${NODE}' max_items='2'/>`), ['c', 'd']);
    assert.deepEqual(await ids(romeo, `<items node='${NODE}'><item id='b'/><item id='x'/></items>`), ['b']);
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub(`<items node='${NODE}'><item id='x'/></items>`))),
      'cancel, item-not-found',
    );
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub(`<items node='${NODE}' max_items='none'/>`))),
      'modify, bad-request',
    );
    const page = "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><after>a</after></set>";
    assertSame(
      await ask(romeo, 'get', pubsub(`<items node='${NODE}'/>${page}`)),
      result(
        'romeo@localhost/orchard',
        pubsub(
          `<items node='${NODE}'>${item('b')}${item('c')}</items>` +
            "<set xmlns='http://jabber.org/protocol/rsm'><first index='1'>b</first><last>c</last><count>4</count></set>",
        ),
      ),
    );
  });

  test('§6.5.9 errors of retrieving', async () => {
    const items = pubsub(`<items node='${NODE}'/>`);
    assert.equal(errorOf(await ask(romeo, 'get', items)), 'cancel, item-not-found');
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub('<items/>'))),
      'modify, bad-request, nodeid-required',
    );
    await create({ access_model: 'whitelist' });
    assert.equal(errorOf(await ask(romeo, 'get', items)), 'cancel, not-allowed, closed-node');
    await affiliate('romeo@localhost', 'member');
    assert.deepEqual(await ids(romeo), []);
    await affiliate('romeo@localhost', 'publish-only');
    assert.equal(errorOf(await ask(romeo, 'get', items)), 'auth, forbidden');
    assert.equal(
      errorOf(await own('get', pubsub(`<items node='${NODE}' subid='wrong'/>`))),
      'modify, not-acceptable, invalid-subid',
    );
  });

  test('§7.1 an item with the same id replaces the old one and is the newest', async () => {
    await create({ max_items: '3' });
    await publish('a');
    await publish('b');
    await publish('a', 'new');
    assertSame(
      await ask(romeo, 'get', pubsub(`<items node='${NODE}'/>`)),
      result(
        'romeo@localhost/orchard',
        pubsub(`<items node='${NODE}'>${item('b')}${item('a', 'new')}</items>`),
      ),
    );
  });

  test('§7.1.2 without an id the service makes one, and tells it', async () => {
    await create({ max_items: '3' });
    const answer = await own('set', publishRequest(NODE, `<item>${payload('x')}</item>`));
    assertSame(
      answer,
      result('juliet@localhost/balcony', pubsub(`<publish node='${NODE}'><item id='*'/></publish>`)),
    );
    const id = answer.element.getChild('pubsub', PUBSUB)?.getChild('publish')?.getChild('item')?.attrs['id'];
    assert.deepEqual(await ids(romeo), [id]);
  });

  test('§7.1.2.4 a full node: discards the oldest, retracts it, or rejects the new one', async () => {
    await create({ max_items: '2' });
    for (const id of ['a', 'b', 'c']) await publish(id);
    assert.deepEqual(await ids(romeo), ['b', 'c']);
    const configure = (config: Readonly<Record<string, string>>): Promise<Stanza> =>
      own('set', ownerPubsub(`<configure node='${NODE}'>${submission('node_config', config)}</configure>`));
    await configure({ publish_node_full: 'retract-oldest' });
    await romeo.ping();
    romeo.received.length = 0;
    await publish('d');
    await nextMessage(romeo);
    assertSame(
      await nextMessage(romeo),
      notification(
        { from: JULIET, to: 'romeo@localhost/orchard' },
        `<items node='${NODE}'><retract id='b'/></items>`,
      ),
    );
    await configure({ publish_node_full: 'reject' });
    assert.equal(errorOf(await own('set', publishRequest(NODE, item('e')))), 'cancel, conflict, node-full');
    assert.deepEqual(await ids(romeo), ['c', 'd']);
  });

  test('§7.1.3 errors of publishing', async () => {
    assert.equal(
      errorOf(await own('set', pubsub(`<publish>${item('a')}</publish>`))),
      'modify, bad-request, nodeid-required',
    );
    assert.equal(errorOf(await ask(romeo, 'set', publishRequest(NODE, item('a')))), 'cancel, item-not-found');
    await create({ max_payload_size: '200' });
    assert.equal(errorOf(await ask(romeo, 'set', publishRequest(NODE, item('a')))), 'auth, forbidden');
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, item('a', 'x'.repeat(300))))),
      'modify, not-acceptable, payload-too-big',
    );
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, `<item id='a'>${payload('1')}${payload('2')}</item>`))),
      'modify, bad-request, invalid-payload',
    );
    assert.equal(errorOf(await own('set', publishRequest(NODE, ''))), 'modify, bad-request, item-required');
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, "<item id='a'/>"))),
      'modify, bad-request, payload-required',
    );
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, item('a') + item('b')))),
      'modify, bad-request, max-items-exceeded',
    );
  });

  test('§4.3 transient nodes: nothing is kept; without payloads nothing but the news goes out', async () => {
    await create({ persist_items: '0' });
    await publish('a');
    await nextMessage(romeo);
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub(`<items node='${NODE}'/>`))),
      'cancel, feature-not-implemented, unsupported persistent-items',
    );
    const form = submission('node_config', { deliver_payloads: '0' });
    await own('set', ownerPubsub(`<configure node='${NODE}'>${form}</configure>`));
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, item('a')))),
      'modify, bad-request, item-forbidden',
    );
    const answer = await own('set', publishRequest(NODE, ''));
    assertSame(answer, result('juliet@localhost/balcony', pubsub(`<publish node='${NODE}'/>`)));
    assertSame(
      await nextMessage(romeo),
      notification(
        {
          from: JULIET,
          to: 'romeo@localhost/orchard',
          more: "<addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' jid='juliet@localhost/balcony'/></addresses>",
        },
        `<items node='${NODE}'/>`,
      ),
    );
  });

  test('§7.1.5 publish-options: configuration of a new node, preconditions of an existing one', async () => {
    const options = { access_model: 'open', persist_items: 'true', max_items: 'max' };
    assert.equal((await own('set', publishRequest(NODE, item('a'), options))).type, 'result');
    assert.deepEqual(await ids(paris), ['a']);
    assert.equal((await own('set', publishRequest(NODE, item('b'), options))).type, 'result');
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, item('c'), { access_model: 'whitelist' }))),
      'cancel, conflict, precondition-not-met',
    );
    assert.equal(
      errorOf(await own('set', publishRequest(NODE, item('c'), { unknown: 'x' }))),
      'modify, bad-request, invalid-options',
    );
    assert.deepEqual(await ids(paris), ['a', 'b']);
  });

  test('publish models: subscribers, open, and publishers by affiliation', async () => {
    await create({
      access_model: 'open',
      publish_model: 'subscribers',
      max_items: '9',
      itemreply: 'publisher',
    });
    assert.equal(errorOf(await ask(paris, 'set', publishRequest(NODE, item('p')))), 'auth, forbidden');
    await subscribe(paris, 'paris@localhost');
    assert.equal((await ask(paris, 'set', publishRequest(NODE, item('p')))).type, 'result');
    // `itemreply`: items name their publisher, whatever the publisher said.
    assertSame(
      await ask(romeo, 'get', pubsub(`<items node='${NODE}'/>`)),
      result(
        'romeo@localhost/orchard',
        pubsub(
          `<items node='${NODE}'><item id='p' publisher='paris@localhost'>${payload('p')}</item></items>`,
        ),
      ),
    );
    await affiliate('romeo@localhost', 'publisher');
    assert.equal((await ask(romeo, 'set', publishRequest(NODE, item('r')))).type, 'result');
    // §7.2: others remove only what is theirs.
    assert.equal(
      errorOf(await ask(romeo, 'set', pubsub(`<retract node='${NODE}'><item id='p'/></retract>`))),
      'auth, forbidden',
    );
    assert.equal(
      (await ask(romeo, 'set', pubsub(`<retract node='${NODE}'><item id='r'/></retract>`))).type,
      'result',
    );
  });

  test('§7.2 removing items, with and without word of it; errors', async () => {
    await create({ max_items: '9', notify_retract: '0' });
    for (const id of ['a', 'b']) await publish(id);
    await romeo.ping();
    romeo.received.length = 0;
    const retract = (content: string): Promise<Stanza> => own('set', pubsub(content));
    assertSame(
      await retract(`<retract node='${NODE}' notify='true'><item id='a'/></retract>`),
      result('juliet@localhost/balcony'),
    );
    assertSame(
      await nextMessage(romeo),
      notification(
        { from: JULIET, to: 'romeo@localhost/orchard' },
        `<items node='${NODE}'><retract id='a'/></items>`,
      ),
    );
    await retract(`<retract node='${NODE}'><item id='b'/></retract>`);
    await romeo.ping();
    assert.deepEqual(messagesOf(romeo), []);
    assert.equal(
      errorOf(await retract(`<retract node='${NODE}'><item id='b'/></retract>`)),
      'cancel, item-not-found',
    );
    assert.equal(
      errorOf(await retract("<retract><item id='b'/></retract>")),
      'modify, bad-request, nodeid-required',
    );
    assert.equal(errorOf(await retract(`<retract node='${NODE}'/>`)), 'modify, bad-request, item-required');
    assert.equal(
      errorOf(await retract("<retract node='urn:none'><item id='b'/></retract>")),
      'cancel, item-not-found',
    );
  });

  test('§8.1 creating nodes: with a name, without, configured; errors', async () => {
    assertSame(await own('set', pubsub(`<create node='${NODE}'/>`)), result('juliet@localhost/balcony'));
    assert.equal(errorOf(await own('set', pubsub(`<create node='${NODE}'/>`))), 'cancel, conflict');
    assertSame(
      await own('set', pubsub('<create/>')),
      result('juliet@localhost/balcony', pubsub("<create node='*'/>")),
    );
    assert.equal(errorOf(await ask(romeo, 'set', pubsub("<create node='urn:x'/>"))), 'auth, forbidden');
    const form = `<configure>${submission('node_config', { access_model: 'sesame' })}</configure>`;
    assert.equal(
      errorOf(await own('set', pubsub(`<create node='urn:x'/>${form}`))),
      'modify, not-acceptable, unsupported-access-model',
    );
    for (const name of ['1', '2', '3']) await own('set', pubsub(`<create node='urn:${name}'/>`));
    assert.equal(
      errorOf(await own('set', pubsub("<create node='urn:x'/>"))),
      'cancel, policy-violation, max-nodes-exceeded',
    );
    assert.equal(
      errorOf(await own('set', publishRequest('urn:x', item('a')))),
      'cancel, policy-violation, max-nodes-exceeded',
    );
  });

  test('§8.2 configuring: the form, its submission, word of it; errors', async () => {
    await create({ notify_config: '1', deliver_payloads: '0' });
    const form = await own('get', ownerPubsub(`<configure node='${NODE}'/>`));
    const fields = form.element
      .getChild('pubsub', `${PUBSUB}#owner`)
      ?.getChild('configure')
      ?.getChild('x', 'jabber:x:data')
      ?.getChildren('field');
    const value = (name: string) =>
      fields?.find(({ attrs }) => attrs['var'] === `pubsub#${name}`)?.getChildText('value');
    assert.deepEqual(
      ['access_model', 'max_items', 'persist_items', 'send_last_published_item', 'notification_type'].map(
        value,
      ),
      ['presence', '1', '1', 'on_sub_and_presence', 'headline'],
    );
    const configure = (config: Readonly<Record<string, string>>, client = juliet): Promise<Stanza> =>
      ask(
        client,
        'set',
        ownerPubsub(`<configure node='${NODE}'>${submission('node_config', config)}</configure>`),
      );
    assertSame(
      await configure({ title: 'New', notification_type: 'normal' }),
      result('juliet@localhost/balcony'),
    );
    assertSame(
      await nextMessage(romeo),
      notification(
        { from: JULIET, to: 'romeo@localhost/orchard', type: 'normal' },
        `<configuration node='${NODE}'/>`,
      ),
    );
    assert.equal(errorOf(await configure({ title: 'Evil' }, romeo)), 'auth, forbidden');
    assert.equal(errorOf(await configure({ max_items: 'many' })), 'modify, not-acceptable');
    assert.equal(errorOf(await configure({ max_items: '21' })), 'modify, not-acceptable');
    assert.equal(
      errorOf(await configure({ access_model: 'sesame' })),
      'modify, not-acceptable, unsupported-access-model',
    );
    assert.equal(
      errorOf(await own('get', ownerPubsub('<configure/>'))),
      'modify, bad-request, nodeid-required',
    );
    assert.equal(
      errorOf(await own('get', ownerPubsub("<configure node='urn:none'/>"))),
      'cancel, item-not-found',
    );
    assert.equal(
      errorOf(await ask(romeo, 'get', ownerPubsub(`<configure node='${NODE}'/>`))),
      'auth, forbidden',
    );
    // A smaller node keeps the newest.
    await configure({ max_items: '5' });
    for (const id of ['a', 'b', 'c']) await publish(id);
    await configure({ max_items: '1' });
    assert.deepEqual(await ids(romeo), ['c']);
  });

  test('§8.3 the default configuration', async () => {
    const answer = await own('get', ownerPubsub('<default/>'));
    const form = answer.element
      .getChild('pubsub', `${PUBSUB}#owner`)
      ?.getChild('default')
      ?.getChild('x', 'jabber:x:data');
    const access = form?.getChildren('field').find(({ attrs }) => attrs['var'] === 'pubsub#access_model');
    assert.equal(access?.getChildText('value'), 'presence');
  });

  test('§8.4 deleting: errors, and a replacement', async () => {
    await create();
    assert.equal(
      errorOf(await ask(romeo, 'set', ownerPubsub(`<delete node='${NODE}'/>`))),
      'auth, forbidden',
    );
    assert.equal(
      errorOf(await own('set', ownerPubsub("<delete node='urn:none'/>"))),
      'cancel, item-not-found',
    );
    assert.equal(errorOf(await own('set', ownerPubsub('<delete/>'))), 'modify, bad-request, nodeid-required');
    const redirect = "<redirect uri='xmpp:juliet@localhost?;node=blog'/>";
    await own('set', ownerPubsub(`<delete node='${NODE}'>${redirect}</delete>`));
    assertSame(
      await nextMessage(romeo),
      notification(
        { from: JULIET, to: 'romeo@localhost/orchard' },
        `<delete node='${NODE}'>${redirect}</delete>`,
      ),
    );
    // What comes again by that name is new.
    await create({ max_items: '9' });
    assert.deepEqual(await ids(romeo), []);
  });

  test('§8.5 purging: one notification; errors', async () => {
    await create({ max_items: '9' });
    for (const id of ['a', 'b']) await publish(id);
    await romeo.ping();
    romeo.received.length = 0;
    assertSame(await own('set', ownerPubsub(`<purge node='${NODE}'/>`)), result('juliet@localhost/balcony'));
    assertSame(
      await nextMessage(romeo),
      notification({ from: JULIET, to: 'romeo@localhost/orchard' }, `<purge node='${NODE}'/>`),
    );
    assert.deepEqual(await ids(romeo), []);
    assert.equal(errorOf(await ask(romeo, 'set', ownerPubsub(`<purge node='${NODE}'/>`))), 'auth, forbidden');
    assert.equal(
      errorOf(await own('set', ownerPubsub("<purge node='urn:none'/>"))),
      'cancel, item-not-found',
    );
    await own(
      'set',
      ownerPubsub(
        `<configure node='${NODE}'>${submission('node_config', { persist_items: '0' })}</configure>`,
      ),
    );
    assert.equal(
      errorOf(await own('set', ownerPubsub(`<purge node='${NODE}'/>`))),
      'cancel, feature-not-implemented, unsupported persistent-items',
    );
  });

  test('§8.8 managing subscriptions; errors', async () => {
    await create({ access_model: 'open' });
    const list = ownerPubsub(`<subscriptions node='${NODE}'/>`);
    const set = (content: string): string =>
      ownerPubsub(`<subscriptions node='${NODE}'>${content}</subscriptions>`);
    assert.equal(
      (await own('set', set("<subscription jid='paris@localhost' subscription='subscribed'/>"))).type,
      'result',
    );
    assertSame(
      await nextMessage(paris),
      notification(
        { from: JULIET, to: 'paris@localhost' },
        `<subscription node='${NODE}' jid='paris@localhost' subscription='subscribed' subid='*'/>`,
      ),
    );
    assertSame(
      await own('get', list),
      result(
        'juliet@localhost/balcony',
        set("<subscription jid='paris@localhost' subscription='subscribed' subid='*'/>"),
      ),
    );
    assert.equal(errorOf(await ask(paris, 'get', list)), 'auth, forbidden');
    assert.equal(
      errorOf(await own('get', ownerPubsub("<subscriptions node='urn:none'/>"))),
      'cancel, item-not-found',
    );
    assert.equal(
      errorOf(await own('set', set("<subscription jid='paris@localhost' subscription='perhaps'/>"))),
      'modify, not-acceptable',
    );
    await own('set', set("<subscription jid='paris@localhost' subscription='none'/>"));
    assertSame(await own('get', list), result('juliet@localhost/balcony', set('')));
  });

  test('§8.9 managing affiliations; errors; an outcast loses the subscription', async () => {
    await create({ access_model: 'open' });
    await subscribe(paris, 'paris@localhost');
    const set = (content: string): string =>
      ownerPubsub(`<affiliations node='${NODE}'>${content}</affiliations>`);
    await affiliate('paris@localhost', 'outcast');
    assertSame(
      await nextMessage(paris),
      notification(
        { from: JULIET, to: 'paris@localhost' },
        `<subscription node='${NODE}' jid='paris@localhost' subscription='none' subid='*'/>`,
      ),
    );
    assertSame(
      await own('get', ownerPubsub(`<affiliations node='${NODE}'/>`)),
      result(
        'juliet@localhost/balcony',
        set(
          "<affiliation jid='juliet@localhost' affiliation='owner'/><affiliation jid='paris@localhost' affiliation='outcast'/>",
        ),
      ),
    );
    assert.equal(
      errorOf(await ask(paris, 'get', ownerPubsub(`<affiliations node='${NODE}'/>`))),
      'auth, forbidden',
    );
    assert.equal(
      errorOf(await own('set', set("<affiliation jid='paris@localhost' affiliation='owner'/>"))),
      'cancel, feature-not-implemented, unsupported owner-affiliation',
    );
    assert.equal(
      errorOf(await own('set', set("<affiliation jid='juliet@localhost' affiliation='none'/>"))),
      'modify, not-acceptable',
    );
    assert.equal(
      errorOf(await own('set', ownerPubsub("<affiliations node='urn:none'/>"))),
      'cancel, item-not-found',
    );
  });

  test('roster groups: who is in one may see, who leaves it loses the subscription (XEP-0163 §8.1)', async () => {
    const group = (name: string): Promise<Stanza> =>
      juliet.iq(
        'set',
        `<query xmlns='jabber:iq:roster'><item jid='romeo@localhost'><group>${name}</group></item></query>`,
      );
    await group('Friends');
    await create({ access_model: 'roster', roster_groups_allowed: ['Friends', 'Family'] });
    await publish('a');
    assert.deepEqual(await ids(romeo), ['a']);
    assert.equal((await subscribe(romeo, 'romeo@localhost/orchard')).type, 'result');
    await romeo.ping();
    romeo.received.length = 0;
    await group('Servants');
    assertSame(
      await nextMessage(romeo),
      notification(
        { from: JULIET, to: 'romeo@localhost/orchard' },
        `<subscription node='${NODE}' jid='romeo@localhost/orchard' subscription='none' subid='*'/>`,
      ),
    );
    assert.equal(
      errorOf(await ask(romeo, 'get', pubsub(`<items node='${NODE}'/>`))),
      'auth, not-authorized, not-in-roster-group',
    );
  });

  test('nonsense is refused', async () => {
    assert.equal(errorOf(await own('set', pubsub(''))), 'modify, bad-request');
    assert.equal(errorOf(await own('set', pubsub("<dance node='x'/>"))), 'modify, bad-request');
    assert.equal(errorOf(await own('get', ownerPubsub("<delete node='x'/>"))), 'modify, bad-request');
    assert.equal(
      errorOf(await juliet.iq('set', publishRequest(NODE, item('a')), 'localhost')),
      'cancel, service-unavailable',
    );
    assert.equal(
      errorOf(await juliet.iq('set', publishRequest(NODE, item('a')), 'pep.localhost')),
      'cancel, service-unavailable',
    );
  });
});
