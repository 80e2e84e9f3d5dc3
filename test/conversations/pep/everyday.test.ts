import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assertSame } from '../../tools/canonical.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import {
  DELAYED,
  errorOf,
  messagesOf,
  nextMessage,
  notification,
  publishRequest,
  pubsub,
  replyTo,
} from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const JULIET = 'juliet@localhost';
const NICK = 'http://jabber.org/protocol/nick';
const MOOD = 'http://jabber.org/protocol/mood';
const TUNE = 'http://jabber.org/protocol/tune';
const DATA = 'urn:xmpp:avatar:data';
const METADATA = 'urn:xmpp:avatar:metadata';
const BOOKMARKS = 'urn:xmpp:bookmarks:1';
const DEVICES = 'urn:xmpp:omemo:2:devices';
const BUNDLES = 'urn:xmpp:omemo:2:bundles';
const MICROBLOG = 'urn:xmpp:microblog:0';

/** What clients do every day, as the XEPs of each use say it. */
describe('everyday uses', () => {
  let core: CoreUnderTest;
  let balcony: RawClient;
  let chamber: RawClient;
  let romeo: RawClient;
  let paris: RawClient;

  const publish = async (
    client: RawClient,
    node: string,
    item: string,
    options?: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const answer = await client.iq('set', publishRequest(node, item, options));
    assert.equal(answer.type, 'result', answer.text);
  };
  const told = async (
    client: RawClient,
    node: string,
    content: string,
    by: string | null,
    delay = '',
  ): Promise<void> => {
    const message = await client.stanza(
      (stanza) => stanza.name === 'message' && stanza.text.includes(`node='${node}'`),
    );
    assertSame(
      message,
      notification(
        { from: JULIET, to: client.jid, more: (by === null ? '' : replyTo(by)) + delay },
        `<items node='${node}'>${content}</items>`,
      ),
    );
  };

  before(async () => {
    core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
    await core.addUsers('juliet', 'romeo', 'paris');
    await core.component('pep');
    balcony = await core.online('juliet', 'balcony');
    chamber = await core.online('juliet', 'chamber');
    romeo = await core.online('romeo', 'orchard');
    paris = await core.online('paris', 'street');
    await befriend(balcony, romeo);
    const contacts = new Interests(NICK, MOOD, TUNE, METADATA, DEVICES, MICROBLOG);
    const own = new Interests(BOOKMARKS, DEVICES);
    romeo.send(contacts.presence);
    await contacts.answer(romeo);
    chamber.send(own.presence);
    await own.answer(chamber);
    for (const client of [romeo, chamber]) await client.ping();
  });
  after(() => core.stop());

  test('user nickname (XEP-0172)', async () => {
    const nick = `<item id='current'><nick xmlns='${NICK}'>Ishmael</nick></item>`;
    await publish(balcony, NICK, nick);
    await told(romeo, NICK, nick, 'juliet@localhost/balcony');
  });

  test('user mood (XEP-0107), and its end', async () => {
    const mood = (content: string): string =>
      `<item id='current'><mood xmlns='${MOOD}'>${content}</mood></item>`;
    await publish(balcony, MOOD, mood('<annoyed/><text>curse my nurse!</text>'));
    await told(romeo, MOOD, mood('<annoyed/><text>curse my nurse!</text>'), 'juliet@localhost/balcony');
    await publish(balcony, MOOD, mood(''));
    await told(romeo, MOOD, mood(''), 'juliet@localhost/balcony');
  });

  test('user tune (XEP-0118): each resource tells of itself', async () => {
    const tune = `<item id='current'><tune xmlns='${TUNE}'><artist>Yes</artist><length>686</length></tune></item>`;
    await publish(chamber, TUNE, tune);
    await told(romeo, TUNE, tune, 'juliet@localhost/chamber');
  });

  test('user avatar (XEP-0084): metadata is told, data is fetched', async () => {
    const picture = Buffer.alloc(100_000, 7);
    const hash = createHash('sha1').update(picture).digest('hex');
    const data = `<item id='${hash}'><data xmlns='${DATA}'>${picture.toString('base64')}</data></item>`;
    await publish(balcony, DATA, data);
    const metadata =
      `<item id='${hash}'><metadata xmlns='${METADATA}'>` +
      `<info bytes='100000' id='${hash}' height='64' type='image/png' width='64'/></metadata></item>`;
    await publish(balcony, METADATA, metadata);
    await told(romeo, METADATA, metadata, 'juliet@localhost/balcony');
    assertSame(
      await romeo.iq('get', pubsub(`<items node='${DATA}'><item id='${hash}'/></items>`), JULIET),
      `<iq type='result' id='*' from='${JULIET}' to='romeo@localhost/orchard'>${pubsub(`<items node='${DATA}'>${data}</items>`)}</iq>`,
    );
    assert.deepEqual(messagesOf(romeo), []);
  });

  test('bookmarks (XEP-0402): many items, for the owner alone, told to the owner’s other clients', async () => {
    const options = {
      persist_items: 'true',
      max_items: 'max',
      send_last_published_item: 'never',
      access_model: 'whitelist',
    };
    const room = (name: string): string =>
      `<item id='${name}@conference.localhost'><conference xmlns='${BOOKMARKS}' name='${name}' autojoin='true'><nick>J</nick></conference></item>`;
    for (const name of ['theplay', 'orchard']) {
      await publish(balcony, BOOKMARKS, room(name), options);
      await told(chamber, BOOKMARKS, room(name), 'juliet@localhost/balcony');
    }
    assertSame(
      await chamber.iq('get', pubsub(`<items node='${BOOKMARKS}'/>`)),
      `<iq type='result' id='*' from='${JULIET}' to='juliet@localhost/chamber'>${pubsub(`<items node='${BOOKMARKS}'>${room('theplay')}${room('orchard')}</items>`)}</iq>`,
    );
    assert.equal(
      errorOf(await romeo.iq('get', pubsub(`<items node='${BOOKMARKS}'/>`), JULIET)),
      'cancel, not-allowed, closed-node',
    );
    // Removing one (§3.4).
    const retract = `<retract node='${BOOKMARKS}' notify='true'><item id='theplay@conference.localhost'/></retract>`;
    assert.equal((await balcony.iq('set', pubsub(retract))).type, 'result');
    assertSame(
      await nextMessage(chamber),
      notification(
        { from: JULIET, to: 'juliet@localhost/chamber' },
        `<items node='${BOOKMARKS}'><retract id='theplay@conference.localhost'/></items>`,
      ),
    );
    // Two clients with the same request do not harm each other; one that thinks otherwise is told (§3.1).
    assert.equal(
      errorOf(
        await chamber.iq('set', publishRequest(BOOKMARKS, room('x'), { ...options, access_model: 'open' })),
      ),
      'cancel, conflict, precondition-not-met',
    );
    // `never`: nothing on presence.
    const late = await core.login('juliet', 'late');
    const interests = new Interests(BOOKMARKS);
    late.send(interests.presence);
    await interests.answer(late);
    await publish(balcony, BOOKMARKS, room('last'), options);
    await told(late, BOOKMARKS, room('last'), 'juliet@localhost/balcony');
    assert.deepEqual(messagesOf(late), []);
    await late.close();
  });

  test('OMEMO (XEP-0384): device lists for contacts, bundles for everyone', async () => {
    const devices = `<item id='current'><devices xmlns='urn:xmpp:omemo:2'><device id='12345'/></devices></item>`;
    await publish(balcony, DEVICES, devices, { access_model: 'open' });
    await told(romeo, DEVICES, devices, 'juliet@localhost/balcony');
    await told(chamber, DEVICES, devices, 'juliet@localhost/balcony');
    const bundle = (id: string): string =>
      `<item id='${id}'><bundle xmlns='urn:xmpp:omemo:2'><spk id='0'>AAA=</spk></bundle></item>`;
    for (const id of ['12345', '67890']) {
      await publish(balcony, BUNDLES, bundle(id), { access_model: 'open', max_items: 'max' });
    }
    assertSame(
      await paris.iq('get', pubsub(`<items node='${BUNDLES}'><item id='12345'/></items>`), JULIET),
      `<iq type='result' id='*' from='${JULIET}' to='paris@localhost/street'>${pubsub(`<items node='${BUNDLES}'>${bundle('12345')}</items>`)}</iq>`,
    );
    // Who comes online later gets the list then.
    const late = await core.login('romeo', 'late');
    late.send(new Interests(NICK, MOOD, TUNE, METADATA, DEVICES, MICROBLOG).presence);
    await told(late, DEVICES, devices, 'juliet@localhost/balcony', DELAYED);
    await late.close();
  });

  test('microblogging (XEP-0277): a subscriber who is no contact, page by page', async () => {
    const entry = (id: string): string =>
      `<item id='${id}'><entry xmlns='http://www.w3.org/2005/Atom'><title type='text'>${id}</title><id>tag:${id}</id></entry></item>`;
    const options = { access_model: 'open', persist_items: 'true', max_items: '100' };
    await publish(balcony, MICROBLOG, entry('first'), options);
    await told(romeo, MICROBLOG, entry('first'), 'juliet@localhost/balcony');
    const subscribe = pubsub(`<subscribe node='${MICROBLOG}' jid='paris@localhost/street'/>`);
    assert.equal((await paris.iq('set', subscribe, JULIET)).type, 'result');
    await told(paris, MICROBLOG, entry('first'), null, DELAYED);
    await publish(balcony, MICROBLOG, entry('second'), options);
    await told(paris, MICROBLOG, entry('second'), null);
    const page = "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set>";
    const newest = await paris.iq('get', pubsub(`<items node='${MICROBLOG}'/>${page}`), JULIET);
    assert.ok(newest.text.includes('second') && !newest.text.includes('tag:first'), newest.text);
  });

  test('a new contact gets the last items when the subscription is approved', async () => {
    const interests = new Interests(NICK);
    paris.send(interests.presence);
    await interests.answer(paris);
    paris.send(`<presence type='subscribe' to='${JULIET}'/>`);
    await balcony.stanza((stanza) => stanza.type === 'subscribe');
    balcony.send("<presence type='subscribed' to='paris@localhost'/>");
    await told(
      paris,
      NICK,
      `<item id='current'><nick xmlns='${NICK}'>Ishmael</nick></item>`,
      'juliet@localhost/balcony',
      DELAYED,
    );
  });
});
