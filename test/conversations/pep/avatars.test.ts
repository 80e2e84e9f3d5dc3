import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import { nextMessage, publishRequest } from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const DATA = 'urn:xmpp:avatar:data';
const METADATA = 'urn:xmpp:avatar:metadata';

const picture = (text: string): { data: string; hash: string } => ({
  data: Buffer.from(text).toString('base64'),
  hash: createHash('sha1').update(text).digest('hex'),
});
const info = (hash: string, bytes: number): string =>
  `<info bytes='${bytes}' id='${hash}' type='image/png'/>`;

/** User avatars and vCard avatars of one account (XEP-0398). */
describe('avatar conversion', () => {
  let core: CoreUnderTest;
  let juliet: RawClient;
  let romeo: RawClient;

  const photoInPresence = (client: RawClient, from: string, hash: string): Promise<Stanza> =>
    client.stanza(
      (stanza) =>
        stanza.name === 'presence' &&
        stanza.from === from &&
        stanza.element.getChild('x', 'vcard-temp:x:update')?.getChildText('photo') === hash,
    );
  const vcard = async (): Promise<string> => {
    const answer = await romeo.iq('get', "<vCard xmlns='vcard-temp'/>", 'juliet@localhost');
    return answer.element.getChild('vCard', 'vcard-temp')?.children.map(String).join('') ?? answer.text;
  };
  const publish = async (image: { data: string; hash: string } | null, access = 'open'): Promise<void> => {
    const options = { access_model: access };
    if (image !== null) {
      const data = `<item id='${image.hash}'><data xmlns='${DATA}'>${image.data}</data></item>`;
      assert.equal((await juliet.iq('set', publishRequest(DATA, data, options))).type, 'result');
    }
    const content = image === null ? '' : info(image.hash, Buffer.from(image.data, 'base64').length);
    const metadata = `<item id='${image?.hash ?? 'none'}'><metadata xmlns='${METADATA}'>${content}</metadata></item>`;
    assert.equal((await juliet.iq('set', publishRequest(METADATA, metadata, options))).type, 'result');
  };

  before(async () => {
    core = await CoreUnderTest.start({
      COMPONENTS: 'pep,vcard',
      COMPONENT_PEP_SECRET: 'hush',
      COMPONENT_VCARD_SECRET: 'hush',
    });
    await core.addUsers('juliet', 'romeo');
    await core.component('vcard');
    await core.component('pep');
    juliet = await core.online('juliet', 'balcony');
    romeo = await core.online('romeo', 'orchard');
    await befriend(juliet, romeo);
    const interests = new Interests(METADATA);
    romeo.send(interests.presence);
    await interests.answer(romeo);
    await juliet.iq('set', "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>");
  });
  after(() => core.stop());

  test('the conversion is announced on accounts', async () => {
    const answer = await juliet.iq(
      'get',
      "<query xmlns='http://jabber.org/protocol/disco#info'/>",
      'juliet@localhost',
    );
    const features = answer.element.getChild('query')?.getChildren('feature') ?? [];
    assert.ok(features.some(({ attrs }) => attrs['var'] === 'urn:xmpp:pep-vcard-conversion:0'));
  });

  test('a published avatar becomes the vCard’s photo, and its hash is on the presence', async () => {
    const first = picture('first');
    await publish(first);
    await photoInPresence(romeo, 'juliet@localhost/balcony', first.hash);
    assert.equal(
      await vcard(),
      `<FN>Juliet</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>${first.data}</BINVAL></PHOTO>`,
    );
    // Directed presence bears it too, so that rooms show it; a client that says it has none is believed.
    juliet.send("<presence to='romeo@localhost/orchard'><x xmlns='vcard-temp:x:update'/></presence>");
    await photoInPresence(romeo, 'juliet@localhost/balcony', first.hash);
    juliet.send(
      "<presence to='romeo@localhost/orchard'><x xmlns='vcard-temp:x:update'><photo/></x></presence>",
    );
    await photoInPresence(romeo, 'juliet@localhost/balcony', '');
  });

  test('a new photo in the vCard is published for everyone', async () => {
    const second = picture('second');
    await romeo.ping();
    romeo.received.length = 0;
    const card = `<FN>Juliet</FN><PHOTO><TYPE>image/gif</TYPE><BINVAL>${second.data}</BINVAL></PHOTO>`;
    await juliet.iq('set', `<vCard xmlns='vcard-temp'>${card}</vCard>`);
    const event = await nextMessage(romeo);
    assert.ok(event.text.includes(`id='${second.hash}'`) && event.text.includes('image/gif'), event.text);
    const items = await romeo.iq(
      'get',
      `<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='${DATA}'/></pubsub>`,
      'juliet@localhost',
    );
    assert.ok(items.text.includes(second.data), items.text);
    assert.equal(await vcard(), card);
  });

  test('removing the published avatar removes the photo', async () => {
    await publish(null);
    await photoInPresence(romeo, 'juliet@localhost/balcony', '');
    assert.equal(await vcard(), '<FN>Juliet</FN>');
  });

  test('removing the photo removes the published avatar', async () => {
    const third = picture('third');
    await publish(third);
    await photoInPresence(romeo, 'juliet@localhost/balcony', third.hash);
    await romeo.ping();
    romeo.received.length = 0;
    await juliet.iq('set', "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>");
    const event = await nextMessage(romeo);
    assert.ok(event.text.includes(`<metadata xmlns='${METADATA}'/>`), event.text);
  });

  test('a restarted core knows the hash still', async () => {
    const fourth = picture('fourth');
    await publish(fourth);
    await photoInPresence(romeo, 'juliet@localhost/balcony', fourth.hash);
    await core.restart();
    romeo = await core.online('romeo', 'orchard');
    juliet = await core.login('juliet', 'balcony');
    juliet.send('<presence/>');
    await photoInPresence(romeo, 'juliet@localhost/balcony', fourth.hash);
    // Both components are back before the next test asks them for anything.
    const end = performance.now() + 10_000;
    for (const ask of [
      "<vCard xmlns='vcard-temp'/>",
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>",
    ]) {
      while ((await juliet.iq('get', ask)).type === 'error' && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });

  test('an avatar for contacts only stays out of the vCard', async () => {
    await publish(null);
    await photoInPresence(romeo, 'juliet@localhost/balcony', '');
    for (const node of [DATA, METADATA]) {
      const request = `<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='${node}'/></pubsub>`;
      assert.equal((await juliet.iq('set', request)).type, 'result');
    }
    await publish(picture('secret'), 'presence');
    // The next conversion comes after this one would have.
    const romeos = picture('romeo');
    const data = `<item id='${romeos.hash}'><data xmlns='${DATA}'>${romeos.data}</data></item>`;
    await romeo.iq('set', publishRequest(DATA, data, { access_model: 'open' }));
    const metadata = `<item id='${romeos.hash}'><metadata xmlns='${METADATA}'>${info(romeos.hash, 5)}</metadata></item>`;
    await romeo.iq('set', publishRequest(METADATA, metadata, { access_model: 'open' }));
    await photoInPresence(romeo, 'romeo@localhost/orchard', romeos.hash);
    assert.equal(await vcard(), '<FN>Juliet</FN>');
  });

  test('an avatar that is opened becomes the photo, and one that is for contacts only from now on leaves the vCard', async () => {
    const access = async (model: string): Promise<void> => {
      for (const node of [DATA, METADATA]) {
        const form = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#access_model'><value>${model}</value></field></x>`;
        const request = `<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='${node}'>${form}</configure></pubsub>`;
        assert.equal((await juliet.iq('set', request)).type, 'result');
      }
    };
    const { hash } = picture('secret'); // published, for contacts only
    await access('open');
    await photoInPresence(romeo, 'juliet@localhost/balcony', hash);
    assert.match(await vcard(), /<PHOTO>/);
    await access('presence');
    await photoInPresence(romeo, 'juliet@localhost/balcony', '');
    assert.equal(await vcard(), '<FN>Juliet</FN>');
  });
});
