import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import { messagesOf, nextMessage, publishRequest } from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const MOOD = 'http://jabber.org/protocol/mood';
const mood = (name: string): string => `<item id='current'><mood xmlns='${MOOD}'><${name}/></mood></item>`;

/** XEP-0163 §4.3.3: nobody is told of the events of who has blocked them. */
describe('notifications obey the owner’s lists', () => {
  let core: CoreUnderTest;
  let juliet: RawClient;
  let romeo: RawClient;

  before(async () => {
    core = await CoreUnderTest.start({
      COMPONENTS: 'pep,privacy',
      COMPONENT_PEP_SECRET: 'hush',
      COMPONENT_PRIVACY_SECRET: 'hush',
    });
    await core.addUsers('juliet', 'romeo');
    await core.component('privacy');
    await core.component('pep');
    juliet = await core.online('juliet', 'balcony');
    romeo = await core.online('romeo', 'orchard');
    await befriend(juliet, romeo);
    const interests = new Interests(MOOD);
    for (const client of [romeo, juliet]) client.send(interests.presence);
    await interests.answer(romeo);
    await juliet.ping();
    await juliet.iq('set', publishRequest(MOOD, mood('happy')));
    await nextMessage(romeo);
    await nextMessage(juliet);
  });
  after(() => core.stop());

  test('a blocked contact hears nothing, and hears again when unblocked', async () => {
    const block = "<block xmlns='urn:xmpp:blocking'><item jid='romeo@localhost'/></block>";
    assert.equal((await juliet.iq('set', block)).type, 'result');
    await juliet.iq('set', publishRequest(MOOD, mood('angry')));
    // One's own resource is told after or before the contact would have been, in the same event.
    await nextMessage(juliet);
    await juliet.ping();
    await romeo.ping();
    assert.deepEqual(messagesOf(romeo), []);
    const unblock = "<unblock xmlns='urn:xmpp:blocking'><item jid='romeo@localhost'/></unblock>";
    assert.equal((await juliet.iq('set', unblock)).type, 'result');
    await juliet.iq('set', publishRequest(MOOD, mood('calm')));
    const event = await nextMessage(romeo);
    assert.ok(event.text.includes('<calm/>'), event.text);
  });

  test('a privacy list that keeps messages from going out keeps events too', async () => {
    const list =
      "<query xmlns='jabber:iq:privacy'><list name='quiet'>" +
      "<item type='jid' value='romeo@localhost' action='deny' order='1'><presence-out/></item></list></query>";
    assert.equal((await juliet.iq('set', list)).type, 'result');
    const isDefault = "<query xmlns='jabber:iq:privacy'><default name='quiet'/></query>";
    assert.equal((await juliet.iq('set', isDefault)).type, 'result');
    await romeo.ping();
    romeo.received.length = 0;
    juliet.received.length = 0;
    await juliet.iq('set', publishRequest(MOOD, mood('sad')));
    await nextMessage(juliet);
    await juliet.ping();
    await romeo.ping();
    assert.deepEqual(messagesOf(romeo), []);
  });
});
