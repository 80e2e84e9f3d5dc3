import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;

/** romeo and juliet see each other; nurse sees juliet only; tybalt knows nobody. */
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet', 'nurse', 'tybalt');
  for (const [user, contact] of [
    ['romeo', 'juliet'],
    ['juliet', 'romeo'],
    ['nurse', 'juliet'],
  ] as const) {
    const one = await core.login(user, 'setup');
    const two = await core.login(contact, 'setup');
    one.send(`<presence type='subscribe' to='${contact}@localhost'/>`);
    await one.ping();
    two.send(`<presence type='subscribed' to='${user}@localhost'/>`);
    await two.ping();
    await one.close();
    await two.close();
  }
});
after(() => core.stop());

const quiet = async (...clients: RawClient[]) => {
  for (const client of clients) await client.ping();
  for (const client of clients) client.received.length = 0;
};
const close = async (...clients: RawClient[]) => {
  for (const client of clients) await client.close();
};

describe('presence (RFC 6121 §4)', () => {
  test('§4.2.2, §4.2.3, §4.3: initial presence: to subscribers and own resources, and theirs comes back', async () => {
    const juliet = await core.online('juliet', 'balcony');
    const nurse = await core.online('nurse', 'house');
    await juliet.expectNothing();
    // §4.3: nurse is subscribed to juliet: she is told without a probe being seen by anybody
    await nurse.expect("<presence from='juliet@localhost/balcony' to='nurse@localhost/house'/>");
    const romeo = await core.login('romeo', 'orchard');
    romeo.send(
      "<presence id='p1'><show>chat</show><status>hi</status><priority>3</priority><x xmlns='http://example.org/x'/></presence>",
    );
    const content =
      "<show>chat</show><status>hi</status><priority>3</priority><x xmlns='http://example.org/x'/>";
    await juliet.expect(
      `<presence from='romeo@localhost/orchard' to='juliet@localhost' id='p1'>${content}</presence>`,
    );
    await romeo.expect(
      `<presence from='romeo@localhost/orchard' to='romeo@localhost' id='p1'>${content}</presence>`,
    );
    await romeo.expect("<presence from='juliet@localhost/balcony' to='romeo@localhost/orchard'/>");
    for (const client of [romeo, juliet, nurse]) await client.expectNothing();
    await close(romeo, juliet, nurse);
  });

  test('§4.2.2, §4.4.2: own resources see each other', async () => {
    const one = await core.online('juliet', 'one');
    const two = await core.login('juliet', 'two');
    two.send('<presence><priority>-1</priority></presence>');
    await two.expect(
      "<presence from='juliet@localhost/two' to='juliet@localhost'><priority>-1</priority></presence>",
    );
    await two.expect("<presence from='juliet@localhost/one' to='juliet@localhost/two'/>");
    await one.expect(
      "<presence from='juliet@localhost/two' to='juliet@localhost'><priority>-1</priority></presence>",
    );
    const silent = await core.login('juliet', 'silent');
    one.send('<presence><show>xa</show></presence>');
    await two.expect(
      "<presence from='juliet@localhost/one' to='juliet@localhost'><show>xa</show></presence>",
    );
    await one.element('presence');
    await silent.expectNothing();
    await close(one, two, silent);
  });

  test('§4.5.2: unavailable presence: whole when said, made when the stream is cut, closed or fails', async () => {
    const romeo = await core.online('romeo', 'orchard');
    const juliet = await core.online('juliet', 'balcony');
    await quiet(romeo, juliet);
    juliet.send("<presence type='unavailable' id='bye'><status>good night</status></presence>");
    await romeo.expect(
      "<presence type='unavailable' from='juliet@localhost/balcony' to='romeo@localhost' id='bye'><status>good night</status></presence>",
    );
    assert.equal((await juliet.element('presence')).type, 'unavailable', 'also to itself');
    // as before initial presence: no presence arrives
    romeo.send('<presence/>');
    await romeo.element('presence');
    await juliet.expectNothing();
    // §4.5.2 implementation note: the next one is initial again
    juliet.send('<presence/>');
    assert.equal((await romeo.element('presence')).from, 'juliet@localhost/balcony');
    await quiet(romeo, juliet);
    await juliet.close();
    await romeo.expect("<presence type='unavailable' from='juliet@localhost/balcony' to='romeo@localhost'/>");

    const cut = await core.online('juliet', 'cut');
    await quiet(romeo);
    cut.cut();
    await romeo.expect("<presence type='unavailable' from='juliet@localhost/cut' to='romeo@localhost'/>");
    const failing = await core.online('juliet', 'failing');
    await quiet(romeo);
    failing.send('</presence>');
    await romeo.expect("<presence type='unavailable' from='juliet@localhost/failing' to='romeo@localhost'/>");
    // a resource that never was available is not unavailable either
    const never = await core.login('juliet', 'never');
    await never.close();
    await romeo.expectNothing();
    await romeo.close();
  });

  test('§4.6.3: directed presence: whole, not repeated, and taken back when its sender goes', async () => {
    const juliet = await core.online('juliet', 'balcony');
    const tybalt = await core.online('tybalt', 'street');
    juliet.send("<presence to='tybalt@localhost/street'><status>hm</status></presence>");
    await tybalt.expect(
      "<presence from='juliet@localhost/balcony' to='tybalt@localhost/street'><status>hm</status></presence>",
    );
    juliet.send('<presence><show>away</show></presence>');
    await juliet.element('presence');
    await tybalt.expectNothing(); // rule 2: no part of broadcasts
    juliet.send("<presence type='unavailable'/>");
    await tybalt.expect(
      "<presence type='unavailable' from='juliet@localhost/balcony' to='tybalt@localhost/street'/>",
    );
    // rule 2: not if it was taken back before
    juliet.send(
      "<presence/><presence to='tybalt@localhost'/><presence to='tybalt@localhost' type='unavailable'/>",
    );
    await tybalt.element('presence');
    assert.equal((await tybalt.element('presence')).type, 'unavailable');
    juliet.send("<presence type='unavailable'/>");
    await juliet.ping();
    await tybalt.expectNothing();
    // rule 3: also from a resource without broadcast presence, and when the stream is cut
    const hidden = await core.login('juliet', 'hidden');
    hidden.send("<presence to='tybalt@localhost'/>");
    await tybalt.expect("<presence from='juliet@localhost/hidden' to='tybalt@localhost'/>");
    hidden.cut();
    await tybalt.expect(
      "<presence type='unavailable' from='juliet@localhost/hidden' to='tybalt@localhost'/>",
    );
    // §4.6.1: whoever sends unavailable presence is forgotten
    const other = await core.login('juliet', 'other');
    other.send("<presence to='tybalt@localhost/street'/>");
    await tybalt.element('presence');
    tybalt.send("<presence to='juliet@localhost/other' type='unavailable'/>");
    await other.element('presence');
    await other.close();
    await tybalt.expectNothing();
    await close(juliet, tybalt);
  });

  test('§4.6.3 rule 1: directed presence to a subscriber leaves broadcasts as they are', async () => {
    const juliet = await core.online('juliet', 'balcony');
    const romeo = await core.online('romeo', 'orchard');
    await quiet(juliet, romeo);
    juliet.send("<presence to='romeo@localhost'><show>chat</show></presence>");
    assert.equal((await romeo.element('presence')).element.getChildText('show'), 'chat');
    juliet.send("<presence type='unavailable'/>");
    await romeo.expect("<presence type='unavailable' from='juliet@localhost/balcony' to='romeo@localhost'/>");
    await romeo.expectNothing(); // once, not twice
    // nor to oneself, nor to who got directed presence before there was any broadcast
    const chamber = await core.online('juliet', 'chamber');
    await quiet(chamber, romeo);
    juliet.send("<presence to='romeo@localhost'/><presence/><presence to='juliet@localhost'/>");
    juliet.send(`<presence to='${chamber.jid}'/>`);
    juliet.send("<presence type='unavailable'/>");
    await juliet.ping();
    for (const [client, times] of [
      [romeo, 2],
      [chamber, 3],
    ] as const) {
      await client.ping();
      const types = client.received.splice(0).map((item) => item.kind === 'element' && item.stanza.type);
      assert.deepEqual(types, [...Array(times).fill(undefined), 'unavailable'], client.jid);
    }
    await close(juliet, chamber, romeo);
  });

  test('§4.3.2: probes of strangers, of subscribers, for bare and full JIDs', async () => {
    const juliet = await core.login('juliet', 'balcony');
    await juliet.goOnline("<presence id='orig'><show>dnd</show></presence>");
    const nurse = await core.login('nurse', 'house');
    const tybalt = await core.login('tybalt', 'street');
    // rule 1: no subscription, no account: the same
    for (const to of ['juliet@localhost', 'nobody@localhost', 'juliet@localhost/balcony']) {
      tybalt.send(`<presence type='probe' to='${to}' id='pr'/>`);
      await tybalt.expectNothing(); // a client that has no interest in rosters gets no subscription stanzas
    }
    await tybalt.goOnline();
    tybalt.send("<presence type='probe' to='juliet@localhost' id='pr'/>");
    await tybalt.expectNothing(); // table 9, None: not delivered
    // rule 4: the whole last presence with its own id
    nurse.send('<presence/>');
    await nurse.stanza((stanza) => stanza.from === 'juliet@localhost/balcony');
    await quiet(nurse);
    nurse.send("<presence type='probe' to='juliet@localhost' id='mine'/>");
    await nurse.expect(
      "<presence from='juliet@localhost/balcony' to='nurse@localhost' id='orig'><show>dnd</show></presence>",
    );
    // a full JID: mere presence, or unavailable with the id of the probe
    nurse.send("<presence type='probe' to='juliet@localhost/balcony'/>");
    await nurse.expect("<presence from='juliet@localhost/balcony' to='nurse@localhost'/>");
    nurse.send("<presence type='probe' to='juliet@localhost/x' id='gone'/>");
    await nurse.expect(
      "<presence type='unavailable' from='juliet@localhost/x' to='nurse@localhost' id='gone'/>",
    );
    // §4.6.6: directed presence answers for its own resource
    juliet.send("<presence to='tybalt@localhost'/>");
    await tybalt.element('presence');
    tybalt.send("<presence type='probe' to='juliet@localhost/balcony'/>");
    await tybalt.expect("<presence from='juliet@localhost/balcony' to='tybalt@localhost'/>");
    await juliet.close();
    await quiet(nurse, tybalt);
    // rule 3: nobody there: since when
    nurse.send("<presence type='probe' to='juliet@localhost' id='p3'/>");
    const answer = await nurse.element('presence');
    assert.deepEqual([answer.type, answer.id, answer.from], ['unavailable', 'p3', 'juliet@localhost']);
    assert.match(
      answer.element.getChild('delay', 'urn:xmpp:delay')?.attrs['stamp'] ?? '',
      /^\d{4}-\d\d-\d\dT/,
    );
    await close(nurse, tybalt);
  });

  test('§4.7.2.3: a priority is an integer from -128 to 127; anything else is bad-request and changes nothing', async () => {
    const juliet = await core.online('juliet', 'balcony');
    const romeo = await core.online('romeo', 'orchard');
    await quiet(juliet, romeo);
    for (const priority of ['128', '-129', '1.5', 'high', '', '0x1', '1e1']) {
      juliet.send(`<presence id='bad'><priority>${priority}</priority></presence>`);
      const error = await juliet.element('presence');
      assert.equal(StanzaError.fromStanza(error).condition, 'bad-request', priority);
      assert.equal(error.id, 'bad');
    }
    await romeo.expectNothing();
    for (const priority of ['127', '-128', '+5', ' 0 ']) {
      juliet.send(`<presence><priority>${priority}</priority></presence>`);
      assert.equal((await juliet.element('presence')).type, undefined, priority);
      await romeo.element('presence');
    }
    await close(juliet, romeo);
  });

  test('§4.7.1: a type that does not exist is bad-request', async () => {
    const juliet = await core.online('juliet', 'balcony');
    for (const sent of [
      "<presence type='here' id='t'/>",
      "<presence type='away' to='romeo@localhost' id='t'/>",
      "<presence type='probe' id='t'/>",
    ]) {
      juliet.send(sent);
      const error = await juliet.element('presence');
      assert.deepEqual([error.type, error.id], ['error', 't']);
      assert.equal(StanzaError.fromStanza(error).condition, 'bad-request');
    }
    await close(juliet);
  });
});
