import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import { messagesOf, nextMessage, publishRequest, pubsub } from '../../tools/pep/pubsub.js';
import type { RawClient } from '../../tools/raw-client.js';

const MOOD = 'http://jabber.org/protocol/mood';
const mood = (name: string): string => `<item id='current'><mood xmlns='${MOOD}'><${name}/></mood></item>`;

describe('what survives', () => {
  let core: CoreUnderTest;
  let pep: ProcessUnderTest;
  let juliet: RawClient;
  let romeo: RawClient;
  const interests = new Interests(MOOD);

  before(async () => {
    core = await CoreUnderTest.start({
      COMPONENTS: 'pep',
      COMPONENT_PEP_SECRET: 'hush',
      COMPONENT_GRACE_SECONDS: '20',
    });
    await core.addUsers('juliet', 'romeo');
    pep = await core.component('pep');
    juliet = await core.online('juliet', 'balcony');
    romeo = await core.online('romeo', 'orchard');
    await befriend(juliet, romeo);
    romeo.send(interests.presence);
    await interests.answer(romeo);
    await juliet.iq('set', publishRequest(MOOD, mood('happy')));
    await nextMessage(romeo);
  });
  after(() => core.stop());

  test('after a restart items, capabilities and presence are known again; only who came meanwhile gets last items', async () => {
    await pep.stop('SIGTERM');
    const late = await core.login('romeo', 'late');
    late.send(interests.presence);
    await late.ping();
    pep = await core.component('pep');
    const delayed = await nextMessage(late);
    assert.ok(delayed.hasChild('delay', 'urn:xmpp:delay'), delayed.text);
    // A new event is the next thing that the others hear; nobody was asked for capabilities again.
    await juliet.iq('set', publishRequest(MOOD, mood('sad')));
    const event = await nextMessage(romeo);
    assert.ok(!event.hasChild('delay', 'urn:xmpp:delay') && event.text.includes('<sad/>'), event.text);
    await romeo.ping();
    assert.deepEqual(messagesOf(romeo), []);
    await late.close();
  });

  test('killed: what was acknowledged is there', async () => {
    const answer = await juliet.iq('set', publishRequest(MOOD, mood('proud')));
    assert.equal(answer.type, 'result');
    await pep.stop('SIGKILL');
    pep = await core.component('pep');
    const items = await juliet.iq('get', pubsub(`<items node='${MOOD}'/>`));
    assert.ok(items.text.includes('<proud/>'), items.text);
  });

  test('killed amid a burst: every request is answered, none is carried out twice, and every acknowledged item is there', async () => {
    const node = 'urn:example:burst';
    const ids = Array.from({ length: 30 }, (_, i) => `item${i}`);
    const publish = (id: string): Promise<Stanza> =>
      juliet.iq(
        'set',
        publishRequest(node, `<item id='${id}'><x xmlns='urn:example:x'/></item>`, { max_items: 'max' }),
      );
    const answers = ids.map((id) => publish(id).then(({ type }) => ({ id, type })));
    await answers[5];
    await pep.stop('SIGKILL');
    pep = await core.component('pep');
    const acknowledged = (await Promise.all(answers))
      .filter(({ type }) => type === 'result')
      .map(({ id }) => id);
    assert.ok(acknowledged.length > 5 && acknowledged.length < ids.length, `${acknowledged.length}`);
    const items = await juliet.iq('get', pubsub(`<items node='${node}'/>`));
    const found = [...items.text.matchAll(/<item id='([^']*)'/g)].map(([, id]) => id);
    assert.equal(new Set(found).size, found.length);
    assert.deepEqual(
      acknowledged.filter((id) => !found.includes(id)),
      [],
    );
    // What was under way is answered with an error: only the client may make it again.
    const refused = await answers.at(-1);
    assert.equal(refused?.type, 'error');
  });

  test('a request while the process is away waits for it', async () => {
    await pep.stop('SIGTERM');
    const asked = juliet.iq('get', pubsub(`<items node='${MOOD}'/>`));
    pep = await core.component('pep');
    assert.equal((await asked).type, 'result');
  });

  test('a removed account leaves nothing', async () => {
    await core.control('user.remove', { jid: 'juliet@localhost' });
    await core.addUsers('juliet').catch(() => undefined);
    const end = performance.now() + 8_000;
    for (;;) {
      const answer = await romeo.iq('get', pubsub(`<items node='${MOOD}'/>`), 'juliet@localhost');
      if (answer.type === 'error' && !answer.text.includes(MOOD)) break;
      assert.ok(performance.now() < end, answer.text);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
