import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { assertSame } from '../../tools/canonical.js';
import {
  errorOf,
  messagesOf,
  nextMessage,
  notification,
  ownerPubsub,
  PUBSUB,
  pubsub,
  submission,
} from '../../tools/pep/pubsub.js';
import { item, JULIET, NODE, result, startVerona } from '../../tools/pep/verona.js';
import type { RawClient } from '../../tools/raw-client.js';

const verona = await startVerona();
const { juliet, romeo, paris, ask, own, create, publish, ids, subscribe, affiliate } = verona;

describe('subscriber use cases (XEP-0060 §6)', () => {
  after(() => verona.stop());
  beforeEach(() => verona.reset());

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
    assert.deepEqual(await ids(romeo, `<items node='${NODE}'><item id='x'/></items>`), []);
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

  test('§6.5.4 what is too much for one answer: the newest are there where the newest were asked for', async () => {
    await create({ max_items: 'max' });
    for (const id of ['one', 'two', 'three', 'four']) await publish(id, id.padEnd(60_000, '.'));
    const set = (content: string) =>
      `<items node='${NODE}'/><set xmlns='http://jabber.org/protocol/rsm'>${content}</set>`;
    assert.deepEqual(await ids(romeo), ['one', 'two', 'three']);
    assert.deepEqual(await ids(romeo, set('<after>three</after>')), ['four']);
    assert.deepEqual(await ids(romeo, `<items node='${NODE}' max_items='4'/>`), ['two', 'three', 'four']);
    // XEP-0059 §2.3, §2.5: back from the end
    const page = await ask(romeo, 'get', pubsub(set('<before/>')));
    assert.match(page.text, /<first index=["']1["']>two<\/first><last>four<\/last><count>4<\/count>/);
    assert.deepEqual(await ids(romeo, set('<before>two</before>')), ['one']);
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

  test('roster groups: who is in one may see, who leaves it loses the subscription (XEP-0163 §7.1)', async () => {
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
});
