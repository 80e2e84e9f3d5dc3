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
  publishRequest,
  pubsub,
  submission,
} from '../../tools/pep/pubsub.js';
import { item, JULIET, NODE, payload, result, startVerona } from '../../tools/pep/verona.js';

const verona = await startVerona();
const { romeo, paris, ask, own, create, publish, ids, subscribe, affiliate } = verona;

describe('publisher use cases (XEP-0060 §7)', () => {
  after(() => verona.stop());
  beforeEach(() => verona.reset());

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
});
