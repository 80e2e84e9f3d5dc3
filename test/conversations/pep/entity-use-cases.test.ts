import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { assertSame } from '../../tools/canonical.js';
import { errorOf, ownerPubsub, PUBSUB, publishRequest, pubsub } from '../../tools/pep/pubsub.js';
import { item, JULIET, NODE, result, startVerona } from '../../tools/pep/verona.js';

const verona = await startVerona();
const { juliet, romeo, paris, ask, own, create, publish, subscribe, affiliate } = verona;

describe('entity use cases (XEP-0060 §5)', () => {
  after(() => verona.stop());
  beforeEach(() => verona.reset());

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
    // XEP-0030 §8 rule 2: empty, with a node or without, as for an account that does not exist
    assertSame(await ask(paris, 'get', query), result('paris@localhost/street', query));
    const unknown = "<query xmlns='http://jabber.org/protocol/disco#items' node='urn:example:none'/>";
    assertSame(await ask(paris, 'get', unknown), result('paris@localhost/street', unknown));
    assert.equal(errorOf(await ask(romeo, 'get', unknown)), 'cancel, item-not-found');
    assert.equal((await paris.iq('get', unknown, 'nobody@localhost')).type, 'result');
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

  test('XEP-0163 §6.2 a node that others may ask for is not shown to outcasts', async () => {
    await create({ access_model: 'authorize' });
    const nodes = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    const info = `<query xmlns='http://jabber.org/protocol/disco#info' node='${NODE}'/>`;
    const shown = `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='${JULIET}' node='${NODE}'/></query>`;
    assertSame(await ask(romeo, 'get', nodes), result('romeo@localhost/orchard', shown));
    for (const affiliation of ['outcast', 'publish-only']) {
      await affiliate('romeo@localhost', affiliation);
      const none = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
      assertSame(await ask(romeo, 'get', nodes), result('romeo@localhost/orchard', none));
      assert.equal(errorOf(await ask(romeo, 'get', info)), 'auth, forbidden');
    }
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
    assert.equal(errorOf(await ask(romeo, 'get', nothing)), 'cancel, item-not-found');
    // XEP-0030 §8 rule 1: to a stranger as for a missing account, with a node or without
    assert.equal(errorOf(await ask(paris, 'get', nothing)), 'cancel, service-unavailable');
    assert.equal(errorOf(await paris.iq('get', nothing, 'nobody@localhost')), 'cancel, service-unavailable');
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
