import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stanza } from '../../../shared/xml/stanza.js';
import { capsHash } from '../../../shared/xmpp/caps.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { Interests } from '../../tools/pep/interested-client.js';
import { messagesOf, nextMessage, publishRequest } from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const MOOD = 'http://jabber.org/protocol/mood';
const DISCO = 'http://jabber.org/protocol/disco#info';
const mood = `<item id='current'><mood xmlns='${MOOD}'><happy/></mood></item>`;

const caps = (attributes: string): string =>
  `<presence><c xmlns='http://jabber.org/protocol/caps' node='https://example.org/client' ${attributes}/></presence>`;

/** Capabilities that are not what they claim to be (XEP-0115 §5.4), in an account's own resources. */
describe('capabilities', () => {
  let core: CoreUnderTest;
  let publisher: RawClient;

  const question = (client: RawClient): Promise<Stanza> =>
    client.stanza((stanza) => stanza.type === 'get' && stanza.payload?.namespace === DISCO);
  const questions = (client: RawClient): number =>
    client.received.filter((one) => one.kind === 'element' && one.stanza.payload?.namespace === DISCO).length;
  const answer = (client: RawClient, asked: Stanza, content: string): void => {
    const node = asked.element.getChild('query')?.attrs['node'] ?? '';
    client.send(
      `<iq type='result' id='${asked.id}' to='${asked.from}'><query xmlns='${DISCO}' node='${node}'>${content}</query></iq>`,
    );
  };
  /** Publishes, and says who of these has heard of it when the last one has. */
  const heard = async (witness: RawClient, others: readonly RawClient[]): Promise<number[]> => {
    await publisher.iq('set', publishRequest(MOOD, mood));
    await nextMessage(witness);
    const counts: number[] = [];
    for (const client of others) {
      await client.ping();
      counts.push(messagesOf(client).length);
      client.received.length = 0;
    }
    return counts;
  };

  before(async () => {
    core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
    await core.addUsers('juliet');
    await core.component('pep');
    publisher = await core.online('juliet', 'publisher');
  });
  after(() => core.stop());

  test('a hash that is a lie counts for nothing; another resource with it is asked, and proves it', async () => {
    const honest = new Interests(MOOD);
    const liar = await core.online('juliet', 'liar');
    const witness = await core.online('juliet', 'witness');
    liar.send(honest.presence);
    const asked = await question(liar);
    witness.send(honest.presence);
    await witness.ping();
    answer(liar, asked, `<identity category='client' type='bot'/><feature var='${MOOD}+notify'/>`);
    await honest.answer(witness);
    // Proved now, for both.
    assert.deepEqual(await heard(witness, [liar]), [1]);
    await liar.close();
    await witness.close();
  });

  test('ill-formed answers are refused though their hash is right', async () => {
    const witness = await core.online('juliet', 'witness');
    const interests = new Interests(MOOD);
    witness.send(interests.presence);
    const twice = await core.online('juliet', 'twice');
    // Two equal features: the hash of exactly this answer, as a forger would compute it (§5.4, step 3.4).
    const content = `<identity category='client' type='pc'/><feature var='${MOOD}+notify'/><feature var='${MOOD}+notify'/>`;
    const ver = capsHash(Stanza.parse(`<query xmlns='${DISCO}'>${content}</query>`).element);
    twice.send(caps(`hash='sha-1' ver='${ver}'`));
    answer(twice, await question(twice), content);
    await twice.ping();
    assert.deepEqual(await heard(witness, [twice]), [0]);
    // Not again for ten minutes: neither this resource nor another one.
    const other = await core.online('juliet', 'other');
    other.send(caps(`hash='sha-1' ver='${ver}'`));
    await other.ping();
    assert.deepEqual(await heard(witness, [other]), [0]);
    assert.equal(questions(other), 0);
    for (const client of [witness, twice, other]) await client.close();
  });

  test('the legacy format proves nothing: it holds for the one resource that was asked', async () => {
    const one = await core.online('juliet', 'one');
    one.send(caps("ver='1.0'"));
    answer(
      one,
      await question(one),
      `<identity category='client' type='pc'/><feature var='${MOOD}+notify'/>`,
    );
    const two = await core.online('juliet', 'two');
    two.send(caps("ver='1.0'"));
    answer(two, await question(two), "<identity category='client' type='pc'/>");
    await two.ping();
    one.received.length = 0;
    assert.deepEqual(await heard(one, [two]), [0]);
    await one.close();
    await two.close();
  });

  test('an error is an answer: the client hears nothing and nobody waits', async () => {
    const witness = await core.login('juliet', 'witness');
    witness.send(new Interests(MOOD).presence);
    const rude = await core.online('juliet', 'rude');
    rude.send(caps("hash='sha-1' ver='AAAA'"));
    const asked = await question(rude);
    rude.send(
      `<iq type='error' id='${asked.id}' to='${asked.from}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
    await nextMessage(witness);
    assert.deepEqual(await heard(witness, [rude]), [0]);
    await witness.close();
    await rude.close();
  });

  test('an interest that is announced later brings the last item, once, also one published meanwhile', async (t) => {
    await publisher.iq('set', publishRequest(MOOD, mood));
    const client = await core.online('juliet', 'later');
    t.after(() => client.close());
    const none = new Interests('urn:example:other');
    client.send(none.presence);
    await none.answer(client);
    await client.ping();
    assert.equal(messagesOf(client).length, 0);
    const interested = new Interests(MOOD, 'urn:example:other');
    client.send(interested.presence);
    const asked = await question(client);
    // Not known to be interested yet: what is published now must not be lost.
    const newest = mood.replace('<happy/>', '<amazed/>');
    await publisher.iq('set', publishRequest(MOOD, newest));
    assert.equal(messagesOf(client).length, 0);
    client.send(
      `<iq type='result' id='${asked.id}' to='${asked.from}'>${interested.info(asked.element.getChild('query')?.attrs['node'] ?? '')}</iq>`,
    );
    assert.match((await nextMessage(client)).text, /<amazed\/>/);
    // Presence that repeats the interest, with other text, brings nothing (XEP-0060 §12.1, 3).
    client.received.length = 0;
    client.send(interested.presence.replace('</presence>', '<status>still</status></presence>'));
    await client.ping();
    assert.equal(messagesOf(client).length, 0);
  });
});
