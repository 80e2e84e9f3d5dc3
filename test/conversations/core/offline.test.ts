import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const LIMIT = 250;
let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_OFFLINE_MESSAGES: String(LIMIT) });
  await core.addUsers('romeo', 'juliet', 'nurse');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core.stop());

const chat = (id: string, content = `<body>${id}</body>`, to = 'juliet@localhost', type = 'chat') =>
  `<message to='${to}' type='${type}' id='${id}'>${content}</message>`;

let ends = 0;
/** Ids of the messages that have come: live ones come after all stored ones, so one more tells that these are through. */
async function messages(client: RawClient): Promise<(string | undefined)[]> {
  await client.ping();
  const end = `end${++ends}`;
  romeo.send(chat(end, '<body>end</body>', client.jid));
  await client.stanza((stanza) => stanza.id === end);
  const ids = client.received.flatMap((item) =>
    item.kind === 'element' && item.stanza.name === 'message' ? [item.stanza.id] : [],
  );
  client.received.length = 0;
  return ids;
}

describe('offline messages (XEP-0160)', () => {
  test('§3: advertised; stored with the time, delivered in order and once, to the session that comes', async () => {
    const info = await romeo.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
    assert.ok(
      info.element.getChild('query')?.getChildByAttr('var', 'msgoffline'),
      'the feature is announced (§4)',
    );
    const before = Date.now();
    for (let i = 0; i < 5; i++) romeo.send(chat(`o${i}`));
    await romeo.expectNothing();
    const juliet = await core.login('juliet', 'balcony');
    assert.deepEqual(await messages(juliet), [], 'not before presence');
    juliet.send('<presence><priority>-1</priority></presence>');
    assert.deepEqual(await messages(juliet), [], 'not to a negative priority');
    juliet.send('<presence/>');
    for (let i = 0; i < 5; i++) {
      const message = await juliet.stanza((stanza) => stanza.name === 'message');
      assert.equal(message.id, `o${i}`);
      assert.equal(message.from, 'romeo@localhost/orchard');
      assert.equal(message.to, 'juliet@localhost');
      const delay = message.element.getChild('delay', 'urn:xmpp:delay');
      assert.equal(delay?.attrs['from'], 'localhost', 'XEP-0203 §4: who stored it');
      const stamp = Date.parse(delay?.attrs['stamp'] ?? '');
      assert.ok(stamp >= before - 1000 && stamp <= Date.now() + 1000, delay?.attrs['stamp']);
    }
    assert.deepEqual(await messages(juliet), []);
    await juliet.close();
    const again = await core.online('juliet', 'again');
    assert.deepEqual(await messages(again), []);
    await again.close();
  });

  test('§3: what is not worth keeping is not kept: types, chat states, hints', async () => {
    romeo.send(chat('headline', '<body>x</body>', 'juliet@localhost', 'headline'));
    romeo.send(chat('state', "<composing xmlns='http://jabber.org/protocol/chatstates'/>"));
    romeo.send(chat('state2', "<thread>t</thread><paused xmlns='http://jabber.org/protocol/chatstates'/>"));
    await romeo.expectNothing();
    for (const id of ['groupchat', 'no-store']) {
      romeo.send(
        id === 'groupchat'
          ? chat(id, '<body>x</body>', 'juliet@localhost', 'groupchat')
          : chat(id, "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"),
      );
      const error = await romeo.element('message');
      assert.deepEqual([error.id, StanzaError.fromStanza(error).condition], [id, 'service-unavailable']);
    }
    romeo.send(chat('receipt', "<received xmlns='urn:xmpp:receipts' id='1'/>"));
    romeo.send(chat('normal', '<body>x</body>', 'juliet@localhost', 'normal'));
    romeo.send("<message to='juliet@localhost' id='untyped' type='what'><subject>s</subject></message>");
    // XEP-0334 §4.1: stored for delivery all the same
    romeo.send(chat('unarchived', "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>"));
    await romeo.expectNothing();
    const juliet = await core.online('juliet');
    assert.deepEqual(await messages(juliet), ['receipt', 'normal', 'untyped', 'unarchived']);
    await juliet.close();
  });

  test('a bound of messages for each account: what is over it is refused, nothing is lost of the rest', async () => {
    for (let i = 0; i < LIMIT + 2; i++) romeo.send(chat(`b${i}`));
    for (let i = 0; i < 2; i++) {
      const error = await romeo.element('message');
      assert.equal(error.id, `b${LIMIT + i}`);
      assert.equal(StanzaError.fromStanza(error).condition, 'service-unavailable');
    }
    await romeo.expectNothing();
    const juliet = await core.login('juliet');
    juliet.send('<presence/>');
    // what is sent while the stored ones are delivered comes after them
    romeo.send(chat('live'));
    await romeo.ping();
    for (let i = 0; i < LIMIT; i++)
      assert.equal((await juliet.stanza((stanza) => stanza.name === 'message')).id, `b${i}`);
    assert.equal((await juliet.stanza((stanza) => stanza.name === 'message')).id, 'live');
    await juliet.ping();
    romeo.send(chat('room again'));
    await romeo.ping();
    assert.deepEqual(await messages(juliet), ['room again']);
    await juliet.close();
    const again = await core.online('juliet');
    assert.deepEqual(await messages(again), []);
    await again.close();
  });

  test('of two sessions that come at once only one gets each message', async () => {
    for (let i = 0; i < 120; i++) romeo.send(chat(`t${i}`));
    await romeo.ping();
    const one = await core.login('juliet', 'one');
    const two = await core.login('juliet', 'two');
    one.send('<presence/>');
    two.send('<presence/>');
    const found = [...(await messages(one)), ...(await messages(two))];
    assert.deepEqual(found.sort(), Array.from({ length: 120 }, (_, i) => `t${i}`).sort());
    await one.close();
    await two.close();
  });

  test('§8.5.3.2.1: a chat message to a resource that is gone is stored too', async () => {
    romeo.send(chat('full', '<body>x</body>', 'nurse@localhost/gone'));
    await romeo.expectNothing();
    const nurse = await core.online('nurse');
    const message = await nurse.stanza((stanza) => stanza.name === 'message');
    assert.deepEqual([message.id, message.to], ['full', 'nurse@localhost/gone']);
    await nurse.close();
  });

  test('an account that is removed leaves no messages to its successor', async () => {
    romeo.send(chat('secret', '<body>x</body>', 'nurse@localhost'));
    await romeo.ping();
    await core.control('user.remove', { jid: 'nurse@localhost', force: true });
    await core.addUsers('nurse');
    const nurse = await core.online('nurse');
    assert.deepEqual(await messages(nurse), []);
    await nurse.close();
  });
});
