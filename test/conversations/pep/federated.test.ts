import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FederatedCore, startPair } from '../../tools/federation.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import { errorOf, messagesOf, nextMessage, publishRequest, pubsub, replyTo } from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const TUNE = 'http://jabber.org/protocol/tune';
const JULIET = 'juliet@capulet.test';
const tune = (title: string): string =>
  `<item id='current'><tune xmlns='${TUNE}'><title>${title}</title></tune></item>`;

/** Contacts at another server, over server-to-server streams. */
describe('contacts at another server', () => {
  let capulet: FederatedCore;
  let montague: FederatedCore;
  let juliet: RawClient;
  let romeo: RawClient;
  const interests = new Interests(TUNE);

  before(async () => {
    const settings = { COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' };
    [capulet, montague] = await startPair({ domain: 'capulet.test', settings }, { domain: 'montague.test' });
    await capulet.core.addUsers(JULIET);
    await montague.core.addUsers('romeo@montague.test', 'benvolio@montague.test');
    await capulet.core.component('pep');
    juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
    romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
    await befriend(juliet, romeo);
    await juliet.iq('set', publishRequest(TUNE, tune('first')));
  });
  after(async () => {
    await capulet?.core.stop();
    await montague?.core.stop();
  });

  test('coming online brings the last item; who asks for capabilities is the account', async () => {
    const chamber = await montague.core.login('romeo', 'chamber', 'montague.test');
    chamber.send(interests.presence);
    assert.equal(await interests.answer(chamber), JULIET);
    const item = await nextMessage(chamber);
    assert.ok(item.hasChild('delay', 'urn:xmpp:delay') && item.text.includes('first'), item.text);
    await juliet.iq('set', publishRequest(TUNE, tune('second')));
    const event = await nextMessage(chamber);
    assert.equal(event.from, JULIET);
    assert.ok(
      event.text.includes('second') && event.text.includes(replyTo('juliet@capulet.test/balcony')),
      event.text,
    );
    await chamber.close();
  });

  test('who came before the first node is asked by its owner, whatever other servers know of our component', async () => {
    await capulet.core.addUsers('nurse@capulet.test');
    const nurse = await capulet.core.online('nurse', 'hall', 'capulet.test');
    const street = await montague.core.login('benvolio', 'lane', 'montague.test');
    const moods = new Interests('urn:example:mood', 'urn:example:first');
    street.send(moods.presence);
    // Nurse sees him first, and he her after that: until then nobody here whom he knows could ask.
    await befriend(nurse, street);
    await nurse.iq('set', publishRequest('urn:example:first', tune('good')));
    assert.equal(await moods.answer(street), 'nurse@capulet.test');
    const item = await nextMessage(street);
    assert.ok(item.text.includes('urn:example:first') && item.text.includes('good'), item.text);
    await nurse.iq('set', publishRequest('urn:example:mood', tune('better')));
    const event = await nextMessage(street);
    assert.ok(event.text.includes('better'), event.text);
    await street.close();
    await nurse.close();
  });

  test('retrieving and subscribing go by the roster', async () => {
    const items = pubsub(`<items node='${TUNE}'/>`);
    assert.equal((await romeo.iq('get', items, JULIET)).type, 'result');
    const benvolio = await montague.core.online('benvolio', 'street', 'montague.test');
    assert.equal(
      errorOf(await benvolio.iq('get', items, JULIET)),
      'auth, not-authorized, presence-subscription-required',
    );
    await juliet.iq('set', publishRequest('urn:example:open', tune('open'), { access_model: 'open' }));
    const subscribe = pubsub("<subscribe node='urn:example:open' jid='benvolio@montague.test/street'/>");
    assert.equal((await benvolio.iq('set', subscribe, JULIET)).type, 'result');
    assert.ok((await nextMessage(benvolio)).text.includes('open'));
    await benvolio.close();
  });

  test('a contact who has cancelled hears nothing more', async () => {
    const chamber = await montague.core.login('romeo', 'chamber', 'montague.test');
    chamber.send(interests.presence);
    await nextMessage(chamber);
    romeo.send(`<presence type='unsubscribe' to='${JULIET}'/>`);
    await juliet.stanza((stanza) => stanza.type === 'unsubscribe');
    await juliet.iq('set', publishRequest(TUNE, tune('third')));
    // An answer over the same streams comes after whatever was sent before it.
    await chamber.iq('get', pubsub(`<items node='${TUNE}'/>`), JULIET);
    assert.deepEqual(messagesOf(chamber), []);
    await chamber.close();
  });
});
