import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const ROSTER = 'jabber:iq:roster';
let core: CoreUnderTest;
let pairs = 0;
before(async () => {
  core = await CoreUnderTest.start();
});
after(() => core.stop());

interface Pair {
  readonly user: RawClient;
  readonly contact: RawClient;
  readonly userJid: string;
  readonly contactJid: string;
}

/** Two accounts that know nothing of each other, both online with a roster. */
async function pair(): Promise<Pair> {
  pairs++;
  const [userName, contactName] = [`user${pairs}`, `contact${pairs}`];
  await core.addUsers(userName, contactName);
  const user = await core.online(userName, 'orchard');
  const contact = await core.online(contactName, 'balcony');
  return { user, contact, userJid: `${userName}@localhost`, contactJid: `${contactName}@localhost` };
}

const push = (to: RawClient, item: string) =>
  to.expect(`<iq type='set' id='*' to='${to.jid}'><query xmlns='${ROSTER}' ver='*'>${item}</query></iq>`);

/** Subscribes `user` to `contact`, and takes all that this makes come. */
async function subscribe({ user, contact }: Pair): Promise<void> {
  const bare = (client: RawClient) => client.jid.replace(/\/.*/, '');
  user.send(`<presence type='subscribe' to='${bare(contact)}'/>`);
  await user.ping();
  contact.send(`<presence type='subscribed' to='${bare(user)}'/>`);
  await contact.ping();
  await user.ping();
  user.received.length = 0;
  contact.received.length = 0;
}

async function rosterOf(client: RawClient): Promise<string[]> {
  const answer = await client.iq('get', `<query xmlns='${ROSTER}'/>`);
  return (answer.element.getChild('query')?.getChildren('item') ?? []).map(({ attrs }) =>
    [attrs['jid'], attrs['subscription'], attrs['ask'], attrs['approved']].filter(Boolean).join(' '),
  );
}

describe('subscriptions (RFC 6121 §3)', () => {
  test('§3.1: a request and its approval, every stanza in order', async () => {
    const p = await pair();
    const { user, contact, userJid, contactJid } = p;
    // §3.1.2: stamped with the bare JID, to the bare JID; "none + ask"
    user.send(
      `<presence type='subscribe' to='${contactJid}/balcony' id='s1'><status>please</status></presence>`,
    );
    await push(user, `<item jid='${contactJid}' subscription='none' ask='subscribe'/>`);
    // §3.1.3: delivered to the available resources, whole, without roster item or push
    await contact.expect(
      `<presence type='subscribe' from='${userJid}' to='${contactJid}' id='s1'><status>please</status></presence>`,
    );
    await contact.expectNothing();
    assert.deepEqual(await rosterOf(contact), []);
    // §3.1.5: approval; push, and current presence to the user
    contact.send(`<presence type='subscribed' to='${userJid}/orchard' id='s2'/>`);
    await push(contact, `<item jid='${userJid}' subscription='from'/>`);
    // §3.1.6: the approval before the push, then the presence
    await user.expect(`<presence type='subscribed' from='${contactJid}' to='${userJid}' id='s2'/>`);
    await push(user, `<item jid='${contactJid}' subscription='to'/>`);
    await user.expect(`<presence from='${contactJid}/balcony' to='${userJid}'/>`);
    await user.expectNothing();
    await contact.expectNothing();
    await user.close();
    await contact.close();
  });

  test('§3.1.3 rule 4: a request waits for its answer at each log-in, whole, also through a restart', async () => {
    const { user, contact, userJid, contactJid } = await pair();
    await contact.close();
    user.send(
      `<presence type='subscribe' to='${contactJid}' id='w1'><nick xmlns='http://jabber.org/protocol/nick'>Ro &amp; Meo</nick></presence>`,
    );
    await push(user, `<item jid='${contactJid}' subscription='none' ask='subscribe'/>`);
    const whole = `<presence type='subscribe' from='${userJid}' to='${contactJid}' id='w1'><nick xmlns='http://jabber.org/protocol/nick'>Ro &amp; Meo</nick></presence>`;
    const name = contactJid.replace(/@.*/, '');
    const first = await core.online(name, 'one');
    await first.expect(whole);
    await first.expectNothing();
    // a resource without presence is shown nothing
    const hidden = await core.login(name, 'hidden');
    await hidden.expectNothing();
    await hidden.close();
    await first.close();
    await user.close();
    await core.restart();
    const second = await core.online(name, 'two');
    await second.expect(whole);
    // §3.1.3: a second request of the same user is not shown twice
    const again = await core.online(userJid.replace(/@.*/, ''), 'orchard');
    again.send(`<presence type='subscribe' to='${contactJid}'/>`);
    await again.ping();
    await second.expectNothing();
    // §3.2.1: denied; nobody hears of it again
    second.send(`<presence type='unsubscribed' to='${userJid}' id='no'/>`);
    await again.expect(`<presence type='unsubscribed' from='${contactJid}' to='${userJid}' id='no'/>`);
    await push(again, `<item jid='${contactJid}' subscription='none'/>`);
    await second.expectNothing();
    await second.close();
    const third = await core.online(name, 'three');
    await third.expectNothing();
    await third.close();
    await again.close();
  });

  test('§3.1.3: the bounds of what waits for an account: a request that is too large comes back', async () => {
    const { user, contact, contactJid } = await pair();
    await contact.close();
    user.send(
      `<presence type='subscribe' to='${contactJid}' id='large'><status>${'x'.repeat(8192)}</status></presence>`,
    );
    const error = await user.stanza((stanza) => stanza.type === 'error');
    assert.deepEqual(
      [error.name, error.id, error.from, StanzaError.fromStanza(error).condition],
      ['presence', 'large', contactJid, 'resource-constraint'],
    );
    const later = await core.online(contactJid.replace(/@.*/, ''), 'later');
    await later.expectNothing();
    await later.close();
    await user.close();
  });

  test('§2.5.2: a contact whose account is removed has answered a waiting request', async () => {
    const { user, contact, userJid, contactJid } = await pair();
    user.send(`<presence type='subscribe' to='${contactJid}'/>`);
    await contact.element('presence');
    await contact.close();
    await core.control('user.remove', { jid: contactJid, force: true });
    await core.addUsers(contactJid);
    await user.close();
    const back = await core.online(userJid.replace(/@.*/, ''), 'orchard');
    await back.ping();
    const anew = await core.online(contactJid.replace(/@.*/, ''), 'balcony');
    await anew.expectNothing();
    assert.deepEqual(await rosterOf(back), [`${contactJid} none`]);
    await back.close();
    await anew.close();
  });

  test('§3.2.2, §3.2.3: the contact cancels: unavailable first, then "unsubscribed", then the pushes', async () => {
    const p = await pair();
    const { user, contact, userJid, contactJid } = p;
    await subscribe(p);
    contact.send(`<presence type='unsubscribed' to='${userJid}' id='c1'/>`);
    await user.expect(`<presence type='unavailable' from='${contactJid}/balcony' to='${userJid}'/>`);
    await user.expect(`<presence type='unsubscribed' from='${contactJid}' to='${userJid}' id='c1'/>`);
    await push(user, `<item jid='${contactJid}' subscription='none'/>`);
    await push(contact, `<item jid='${userJid}' subscription='none'/>`);
    // and no presence any more
    contact.send('<presence><show>away</show></presence>');
    await contact.element('presence');
    await user.expectNothing();
    // §3.2.2 rule 1: once more is not routed
    contact.send(`<presence type='unsubscribed' to='${userJid}'/>`);
    await contact.expectNothing();
    await user.expectNothing();
    await user.close();
    await contact.close();
  });

  test('§3.3.2, §3.3.3: the user unsubscribes: delivered, pushed, answered, and unavailable presence', async () => {
    const p = await pair();
    const { user, contact, userJid, contactJid } = p;
    await subscribe(p);
    user.send(`<presence type='unsubscribe' to='${contactJid}' id='u1'/>`);
    await push(user, `<item jid='${contactJid}' subscription='none'/>`);
    await contact.expect(`<presence type='unsubscribe' from='${userJid}' to='${contactJid}' id='u1'/>`);
    await push(contact, `<item jid='${userJid}' subscription='none'/>`);
    // the automatic "unsubscribed" finds no subscription left (table 9, None: not delivered); then unavailable
    await user.expect(`<presence type='unavailable' from='${contactJid}/balcony' to='${userJid}'/>`);
    await user.expectNothing();
    await contact.expectNothing();
    // §3.3.3: once more is ignored
    user.send(`<presence type='unsubscribe' to='${contactJid}'/>`);
    await user.expectNothing();
    await contact.expectNothing();
    await user.close();
    await contact.close();
  });

  test('§3.1: both ways make "both", each seeing the other', async () => {
    const p = await pair();
    const { user, contact, userJid, contactJid } = p;
    await subscribe(p);
    await subscribe({ user: contact, contact: user, userJid: contactJid, contactJid: userJid });
    assert.deepEqual(await rosterOf(user), [`${contactJid} both`]);
    assert.deepEqual(await rosterOf(contact), [`${userJid} both`]);
    user.send('<presence><show>dnd</show></presence>');
    await user.element('presence');
    await contact.expect(
      `<presence from='${userJid}/orchard' to='${contactJid}'><show>dnd</show></presence>`,
    );
    // table 6 note 2: a request of a subscriber is answered at once, and not shown
    user.received.length = 0;
    user.send(`<presence type='subscribe' to='${contactJid}' id='again'/>`);
    await user.expectNothing();
    await contact.expectNothing();
    await user.close();
    await contact.close();
  });

  test('§2.5.2: removing a contact from the roster ends both subscriptions', async () => {
    const p = await pair();
    const { user, contact, userJid, contactJid } = p;
    await subscribe(p);
    await subscribe({ user: contact, contact: user, userJid: contactJid, contactJid: userJid });
    user.send(
      `<iq type='set' id='rm'><query xmlns='${ROSTER}'><item jid='${contactJid}' subscription='remove'/></query></iq>`,
    );
    await push(user, `<item jid='${contactJid}' subscription='remove'/>`);
    await contact.expect(`<presence type='unavailable' from='${userJid}/orchard' to='${contactJid}'/>`);
    await contact.expect(`<presence type='unsubscribe' from='${userJid}' to='${contactJid}'/>`);
    await push(contact, `<item jid='${userJid}' subscription='to'/>`);
    await contact.expect(`<presence type='unsubscribed' from='${userJid}' to='${contactJid}'/>`);
    await push(contact, `<item jid='${userJid}' subscription='none'/>`);
    await contact.expectNothing();
    await user.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'rm');
    assert.deepEqual(await rosterOf(user), []);
    await user.close();
    await contact.close();
  });

  test('§3.4: pre-approval: advertised, kept as "approved", and used when the request comes', async () => {
    const { user, contact, userJid, contactJid } = await pair();
    contact.send(`<presence type='subscribed' to='${userJid}'/>`);
    await push(contact, `<item jid='${userJid}' subscription='none' approved='true'/>`);
    await user.expectNothing(); // §3.4.2 rules 3, 4: not routed
    user.send(`<presence type='subscribe' to='${contactJid}' id='pre'/>`);
    await push(user, `<item jid='${contactJid}' subscription='none' ask='subscribe'/>`);
    await push(contact, `<item jid='${userJid}' subscription='from'/>`); // the request itself is not shown
    await user.expect(`<presence type='subscribed' from='${contactJid}' to='${userJid}' id='pre'/>`);
    await push(user, `<item jid='${contactJid}' subscription='to'/>`);
    await user.expect(`<presence from='${contactJid}/balcony' to='${userJid}'/>`);
    await contact.expectNothing();
    // §3.2.2 rule 2: and it can be taken back
    user.send(`<presence type='subscribed' to='${contactJid}'/>`);
    await push(user, `<item jid='${contactJid}' subscription='to' approved='true'/>`);
    user.send(`<presence type='unsubscribed' to='${contactJid}'/>`);
    await push(user, `<item jid='${contactJid}' subscription='to'/>`);
    await contact.expectNothing();
    await user.close();
    await contact.close();
  });

  test('§8.5.3.2.2: answers to a resource that is not there are ignored, a request is taken as for the account', async () => {
    const { user, contact, userJid, contactJid } = await pair();
    user.send(`<presence type='subscribe' to='${contactJid}/nowhere' id='x'/>`);
    assert.equal((await contact.element('presence')).to, contactJid);
    await user.ping();
    // our own clients' stanzas are addressed to the bare JID on their way (§3.1.5), so they count
    contact.send(`<presence type='subscribed' to='${userJid}/nowhere'/>`);
    await contact.ping();
    assert.deepEqual(await rosterOf(user), [`${contactJid} to`]);
    await user.close();
    await contact.close();
  });

  test('subscribing to oneself changes nothing; a subscription without `to` is bad-request', async () => {
    const { user, contact, userJid } = await pair();
    for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
      user.send(`<presence type='${type}' to='${userJid}'/>`);
      await user.expectNothing();
      user.send(`<presence type='${type}' id='noto'/>`);
      const error = await user.element('presence');
      assert.equal(error.type, 'error');
      assert.ok(error.element.getChild('error')?.getChild('bad-request'));
    }
    assert.deepEqual(await rosterOf(user), []);
    await user.close();
    await contact.close();
  });
});
