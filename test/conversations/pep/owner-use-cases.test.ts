import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { assertSame } from '../../tools/canonical.js';
import {
  errorOf,
  nextMessage,
  notification,
  ownerPubsub,
  PUBSUB,
  publishRequest,
  pubsub,
  submission,
} from '../../tools/pep/pubsub.js';
import { item, JULIET, NODE, result, startVerona } from '../../tools/pep/verona.js';

const verona = await startVerona();
const { juliet, romeo, paris, ask, own, create, publish, ids, subscribe, affiliate } = verona;

describe('owner use cases (XEP-0060 §8)', () => {
  after(() => verona.stop());
  beforeEach(() => verona.reset());

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
    // XEP-0248: a collection is refused, not made a leaf; §8.1.2: `leaf` is what a node is anyway.
    const ofType = (type: string) =>
      `<configure>${submission('node_config', { node_type: type })}</configure>`;
    assert.equal(
      errorOf(await own('set', pubsub(`<create node='urn:1'/>${ofType('collection')}`))),
      'cancel, feature-not-implemented, unsupported collections',
    );
    assertSame(
      await own('set', pubsub(`<create node='urn:1'/>${ofType('leaf')}`)),
      result('juliet@localhost/balcony'),
    );
    for (const name of ['2', '3']) await own('set', pubsub(`<create node='urn:${name}'/>`));
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
    const language = fields?.find(({ attrs }) => attrs['var'] === 'pubsub#language');
    assert.equal(language?.attrs['type'], 'list-single');
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
    const value = (name: string) =>
      form
        ?.getChildren('field')
        .find(({ attrs }) => attrs['var'] === `pubsub#${name}`)
        ?.getChildText('value');
    assert.equal(value('access_model'), 'presence');
    // §16.4.4; libraries fill it in before they create a node.
    assert.equal(value('node_type'), 'leaf');
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
});
