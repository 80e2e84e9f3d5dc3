import assert from 'node:assert/strict';
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
  ownerPubsub,
  publishRequest,
  pubsub,
  replyTo,
} from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const DISCO = 'http://jabber.org/protocol/disco#info';
const TUNE = 'http://jabber.org/protocol/tune';
const tune = (title: string): string => `<tune xmlns='${TUNE}'><title>${title}</title></tune>`;
const item = (title: string): string => `<item id='current'>${tune(title)}</item>`;
const FROM = 'juliet@localhost';
const publishing = 'juliet@localhost/balcony';

describe('event notifications', () => {
  let core: CoreUnderTest;
  let juliet: RawClient;
  let romeo: RawClient;
  const interests = new Interests(TUNE);

  before(async () => {
    core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
    await core.addUsers('juliet', 'romeo', 'benvolio');
    await core.component('pep');
    juliet = await core.online('juliet', 'balcony');
    romeo = await core.online('romeo', 'orchard');
    await befriend(juliet, romeo);
  });
  after(() => core.stop());

  test('capabilities are asked for in the name of the account itself, once for a hash', async () => {
    romeo.send(interests.presence);
    assert.equal(await interests.answer(romeo), 'romeo@localhost');
    juliet.send(interests.presence);
    await juliet.ping();
    await romeo.ping();
    const questions = (client: RawClient) =>
      client.received.filter((one) => one.kind === 'element' && one.stanza.payload?.namespace === DISCO)
        .length;
    assert.deepEqual([questions(juliet), questions(romeo)], [0, 0]);
  });

  test('a published item reaches interested contacts and the owner’s own resources', async () => {
    const answer = await juliet.iq('set', publishRequest(TUNE, `<item>${tune('Introduction')}</item>`));
    assertSame(
      answer,
      `<iq type='result' id='*' from='juliet@localhost' to='${publishing}'>${pubsub(`<publish node='${TUNE}'><item id='current'/></publish>`)}</iq>`,
    );
    const event = `<items node='${TUNE}'>${item('Introduction')}</items>`;
    const more = replyTo(publishing);
    assertSame(
      await nextMessage(romeo),
      notification({ from: FROM, to: 'romeo@localhost/orchard', more }, event),
    );
    assertSame(await nextMessage(juliet), notification({ from: FROM, to: publishing, more }, event));
  });

  test('a resource that comes online gets the last item, with the time at which it was published', async () => {
    const second = await core.login('romeo', 'chamber');
    second.send(interests.presence);
    assertSame(
      await nextMessage(second),
      notification(
        { from: FROM, to: 'romeo@localhost/chamber', more: replyTo(publishing) + DELAYED },
        `<items node='${TUNE}'>${item('Introduction')}</items>`,
      ),
    );
    // Presence again is not initial presence (XEP-0163 §4.3.3).
    second.send(interests.presence);
    await second.ping();
    await juliet.iq('set', publishRequest(TUNE, item('Second')));
    assertSame(
      await nextMessage(second),
      notification(
        { from: FROM, to: 'romeo@localhost/chamber', more: replyTo(publishing) },
        `<items node='${TUNE}'>${item('Second')}</items>`,
      ),
    );
    await second.close();
  });

  test('a client without interest hears nothing, and one that has gone neither', async () => {
    const silent = await core.online('romeo', 'silent');
    await juliet.iq('set', publishRequest(TUNE, item('Third')));
    await juliet.iq('set', publishRequest(TUNE, item('Fourth')));
    await nextMessage(romeo);
    await nextMessage(romeo);
    await silent.ping();
    assert.deepEqual(messagesOf(silent), []);
    await silent.close();
  });

  test('the access model presence lets contacts retrieve and strangers not', async () => {
    const items = pubsub(`<items node='${TUNE}'/>`);
    assertSame(
      await romeo.iq('get', items, FROM),
      `<iq type='result' id='*' from='${FROM}' to='romeo@localhost/orchard'>${pubsub(`<items node='${TUNE}'>${item('Fourth')}</items>`)}</iq>`,
    );
    const benvolio = await core.online('benvolio');
    assert.equal(
      errorOf(await benvolio.iq('get', items, FROM)),
      'auth, not-authorized, presence-subscription-required',
    );
    assert.equal(
      errorOf(await benvolio.iq('set', publishRequest(TUNE, item('Evil')), FROM)),
      'auth, forbidden',
    );
    await benvolio.close();
  });

  test('deleting the node is told, and it is gone', async () => {
    await juliet.ping();
    await romeo.ping();
    romeo.received.length = 0;
    const answer = await juliet.iq('set', ownerPubsub(`<delete node='${TUNE}'/>`));
    assertSame(answer, `<iq type='result' id='*' from='${FROM}' to='${publishing}'/>`);
    assertSame(
      await nextMessage(romeo),
      notification({ from: FROM, to: 'romeo@localhost/orchard' }, `<delete node='${TUNE}'/>`),
    );
    assert.equal(
      errorOf(await romeo.iq('get', pubsub(`<items node='${TUNE}'/>`), FROM)),
      'cancel, item-not-found',
    );
  });

  test('a contact who has lost the subscription gets nothing more', async () => {
    juliet.send("<presence type='unsubscribed' to='romeo@localhost'/>");
    await romeo.stanza((stanza) => stanza.type === 'unsubscribed');
    romeo.received.length = 0;
    juliet.received.length = 0;
    await juliet.iq('set', publishRequest(TUNE, item('Secret')));
    await nextMessage(juliet);
    await romeo.ping();
    assert.deepEqual(messagesOf(romeo), []);
    assert.equal(
      errorOf(await romeo.iq('get', pubsub(`<items node='${TUNE}'/>`), FROM)),
      'auth, not-authorized, presence-subscription-required',
    );
  });
});
