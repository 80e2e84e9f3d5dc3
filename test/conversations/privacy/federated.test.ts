import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FederatedCore, startPair } from '../../tools/federation.js';
import { befriend, block, forget, outcome, PRIVACY_ONLY, taken, unblock } from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// The same rules towards another server: what comes in over s2s, what goes out, presence both ways.
let capulet: FederatedCore;
let montague: FederatedCore;
before(async () => {
  [capulet, montague] = await startPair(
    {
      domain: 'capulet.test',
      settings: PRIVACY_ONLY,
    },
    { domain: 'montague.test' },
  );
  await capulet.core.component('privacy', { CORE_DOMAIN: 'capulet.test' });
  await capulet.core.addUsers('juliet@capulet.test');
  await montague.core.addUsers('romeo@montague.test');
});
after(async () => {
  await capulet?.core.stop();
  await montague?.core.stop();
});

/** Each has been answered by the other's server: what was sent before has arrived (each direction keeps its order). */
async function exchanged(juliet: RawClient, romeo: RawClient): Promise<void> {
  await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'montague.test');
  await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'capulet.test');
  await juliet.ping();
  await romeo.ping();
}

test('A remote contact is blocked: presence both ways, what it sends, what it asks; and unblocked again', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  await befriend(juliet, romeo);
  await block(juliet, 'romeo@montague.test');
  await exchanged(juliet, romeo);
  assert.deepEqual(
    taken(romeo).filter((line) => line.startsWith('presence')),
    ['presence unavailable juliet@capulet.test/balcony -'],
  );
  assert.deepEqual(
    taken(juliet).filter((line) => line.startsWith('presence')),
    ['presence unavailable romeo@montague.test -'],
  );
  const to = juliet.jid;
  for (const type of ['chat', 'groupchat', 'headline', 'error']) {
    romeo.send(`<message to='${to}' type='${type}' id='${type}'><body>x</body></message>`);
  }
  romeo.send(`<iq to='${to}' type='get' id='get'><ping xmlns='urn:xmpp:ping'/></iq>`);
  romeo.send(`<iq to='${to}' type='result' id='result'/>`);
  romeo.send(
    `<presence to='juliet@capulet.test' type='probe'/><presence to='${to}'/><presence><show>dnd</show></presence>`,
  );
  await romeo.stanza((stanza) => stanza.name === 'presence' && stanza.from === romeo.jid);
  assert.equal(outcome(await romeo.stanza((stanza) => stanza.id === 'chat')), 'service-unavailable');
  assert.equal(outcome(await romeo.stanza((stanza) => stanza.id === 'get')), 'service-unavailable');
  juliet.send('<presence><show>away</show></presence>');
  await juliet.stanza((stanza) => stanza.name === 'presence' && stanza.from === juliet.jid);
  juliet.send("<message to='romeo@montague.test' type='chat' id='own'><body>x</body></message>");
  assert.equal(outcome(await juliet.stanza((stanza) => stanza.id === 'own')), 'not-acceptable+blocked');
  await exchanged(juliet, romeo);
  assert.deepEqual(taken(juliet), []);
  assert.deepEqual(taken(romeo), []);
  await unblock(juliet);
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'presence')).from, juliet.jid);
  assert.equal((await juliet.stanza((stanza) => stanza.name === 'presence')).from, romeo.jid);
  // a new session of a blocker asks nothing of whom it blocked, and tells nothing
  await block(juliet, 'montague.test');
  await exchanged(juliet, romeo);
  forget(romeo, juliet);
  await juliet.close();
  const again = await capulet.core.online('juliet', 'again', 'capulet.test');
  await exchanged(again, romeo);
  assert.deepEqual(taken(romeo), []);
  assert.deepEqual(taken(again), []);
  await again.close();
  await romeo.close();
});

test('Who has no account here has no lists here, and does not make this server ask his about them', async () => {
  const romeo = await montague.core.online('romeo', 'street', 'montague.test');
  const [privacy, blocking] = ['jabber:iq:privacy', 'urn:xmpp:blocking'];
  for (const to of ['capulet.test', 'juliet@capulet.test']) {
    for (const [type, payload] of [
      ['set', `<query xmlns='${privacy}'><list name='l'><item action='deny' order='1'/></list></query>`],
      ['set', `<query xmlns='${privacy}'><default name='l'/></query>`],
      ['get', `<query xmlns='${privacy}'/>`],
      ['set', `<block xmlns='${blocking}'><item jid='juliet@capulet.test'/></block>`],
      ['get', `<blocklist xmlns='${blocking}'/>`],
    ] as const) {
      assert.match(
        outcome(await romeo.iq(type, payload, to)),
        /^(?:forbidden|service-unavailable)$/,
        `${to} ${payload}`,
      );
    }
  }
});
