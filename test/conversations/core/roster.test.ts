import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const ROSTER = 'jabber:iq:roster';
const query = (content: string, attributes = '') =>
  `<query xmlns='${ROSTER}'${attributes}>${content}</query>`;
const condition = (answer: Stanza) =>
  answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_ROSTER_ITEMS: '8' });
  await core.addUsers('romeo', 'juliet', 'nurse', 'paris', 'tybalt', 'benvolio', 'versioned');
});
after(() => core.stop());

async function interested(user: string, resource: string): Promise<RawClient> {
  const client = await core.login(user, resource);
  await client.iq('get', query(''));
  return client;
}

async function rosterOf(client: RawClient): Promise<string[]> {
  const answer = await client.iq('get', query(''));
  const items = answer.element.getChild('query')?.getChildren('item') ?? [];
  return items.map(
    ({ attrs, children }) => `${attrs['jid']} ${attrs['subscription']} ${children.map(String).join('')}`,
  );
}

describe('roster (RFC 6121 §2)', () => {
  test('§2.1.3, §2.1.4: a new roster is empty, and says so', async () => {
    const client = await core.login('romeo');
    client.send(`<iq type='get' id='r1'>${query('')}</iq>`);
    const answer = await client.element('iq');
    const version = answer.element.getChild('query')?.attrs['ver'];
    assert.ok(version, '§2.6.3 SHOULD: the version, asked for or not');
    assert.deepEqual(
      [answer.type, answer.from, answer.to],
      ['result', 'romeo@localhost', 'romeo@localhost/test'],
    );
    assert.equal(answer.element.getChild('query')?.getChildElements().length, 0);
    await client.close();
  });

  test('§2.3, §2.1.6: a set is pushed to every interested resource and no other, then acknowledged', async () => {
    const one = await interested('juliet', 'one');
    const two = await interested('juliet', 'two');
    const uninterested = await core.login('juliet', 'three');
    one.send(
      `<iq type='set' id='s1'>${query("<item jid='nurse@localhost' name='Nurse'><group>Servants</group><group>A &amp; B</group></item>")}</iq>`,
    );
    const item =
      "<item jid='nurse@localhost' name='Nurse' subscription='none'><group>Servants</group><group>A &amp; B</group></item>";
    const push = await one.element('iq');
    assert.equal(push.type, 'set');
    assert.equal(push.to, 'juliet@localhost/one');
    assert.equal(push.from, undefined, '§2.1.6: no `from`, or the account’s own');
    assert.ok(push.id);
    await one.expect("<iq type='result' id='s1' from='juliet@localhost' to='juliet@localhost/one'/>");
    await two.expect(
      `<iq type='set' id='*' to='juliet@localhost/two'><query xmlns='${ROSTER}' ver='*'>${item}</query></iq>`,
    );
    // a client acknowledges a push; nothing comes of it (§2.1.6)
    two.send(`<iq type='result' id='${push.id}'/>`);
    two.send(`<iq type='error' id='${push.id}' to='juliet@localhost'><error type='cancel'/></iq>`);
    for (const client of [one, two, uninterested]) await client.expectNothing();

    // §2.4: an update replaces name and groups
    assert.equal(
      condition(await two.iq('set', query("<item jid='nurse@localhost'><group>Friends</group></item>"))),
      'result',
    );
    await one.expect(
      `<iq type='set' id='*' to='juliet@localhost/one'><query xmlns='${ROSTER}' ver='*'><item jid='nurse@localhost' subscription='none'><group>Friends</group></item></query></iq>`,
    );
    // §2.5: and a removal removes
    assert.equal(
      condition(await two.iq('set', query("<item jid='nurse@localhost' subscription='remove'/>"))),
      'result',
    );
    await one.expect(
      `<iq type='set' id='*' to='juliet@localhost/one'><query xmlns='${ROSTER}' ver='*'><item jid='nurse@localhost' subscription='remove'/></query></iq>`,
    );
    assert.deepEqual(await rosterOf(one), []);
    for (const client of [one, two, uninterested]) await client.close();
  });

  test('§2.1.2: what only the server may say is ignored; addresses are kept bare and prepared', async () => {
    const client = await core.login('romeo');
    await client.iq(
      'set',
      query("<item jid='PARIS@LocalHost/x' subscription='both' ask='subscribe' approved='true'/>"),
    );
    assert.deepEqual(await rosterOf(client), ['paris@localhost none ']);
    await client.iq('set', query("<item jid='paris@localhost' subscription='bogus' name='P'/>"));
    assert.deepEqual(await rosterOf(client), ['paris@localhost none ']);
    await client.iq('set', query("<item jid='paris@localhost' subscription='remove'/>"));
    await client.close();
  });

  // §2.3.3, §2.5.3: [what, payload, condition]
  const wrong: readonly (readonly [what: string, payload: string, condition: string])[] = [
    ['no item', query(''), 'bad-request'],
    ['two items', query("<item jid='a@localhost'/><item jid='b@localhost'/>"), 'bad-request'],
    ['another element than an item', query("<contact jid='a@localhost'/>"), 'bad-request'],
    [
      'an item of another namespace',
      query("<item xmlns='http://example.org/' jid='a@localhost'/>"),
      'bad-request',
    ],
    ['an item without jid', query("<item name='x'/>"), 'bad-request'],
    ['a malformed jid', query("<item jid='@localhost'/>"), 'jid-malformed'],
    ['an empty jid', query("<item jid=''/>"), 'jid-malformed'],
    [
      'a group twice',
      query("<item jid='a@localhost'><group>S</group><group>S</group></item>"),
      'bad-request',
    ],
    ['an empty group', query("<item jid='a@localhost'><group/></item>"), 'not-acceptable'],
    [
      'a group name beyond bounds',
      query(`<item jid='a@localhost'><group>${'g'.repeat(1024)}</group></item>`),
      'not-acceptable',
    ],
    ['a name beyond bounds', query(`<item jid='a@localhost' name='${'n'.repeat(1024)}'/>`), 'not-acceptable'],
    ['oneself', query("<item jid='romeo@localhost'/>"), 'not-allowed'],
    [
      'removal of what is not there',
      query("<item jid='stranger@localhost' subscription='remove'/>"),
      'item-not-found',
    ],
    ['removal of a malformed jid', query("<item jid='a@@b' subscription='remove'/>"), 'jid-malformed'],
  ];
  for (const [what, payload, expected] of wrong) {
    test(`§2.3.3: ${what}: ${expected}, and nothing changes`, async () => {
      const client = await interested('romeo', 'errors');
      assert.equal(condition(await client.iq('set', payload)), expected);
      await client.expectNothing();
      assert.deepEqual(await rosterOf(client), []);
      await client.close();
    });
  }

  test('§2.3.3, §2.1.5: another’s roster can neither be read nor set: forbidden', async () => {
    const client = await core.login('romeo');
    assert.equal(
      condition(await client.iq('set', query("<item jid='a@localhost'/>"), 'juliet@localhost')),
      'forbidden',
    );
    assert.equal(condition(await client.iq('get', query(''), 'juliet@localhost')), 'forbidden');
    assert.equal(condition(await client.iq('get', query(''), 'localhost')), 'service-unavailable');
    await client.close();
  });

  test('§2.1.6: nobody can forge a push: a set from another entity never reaches the client', async () => {
    const juliet = await core.online('juliet');
    const romeo = await core.login('romeo');
    for (const to of ['juliet@localhost/test', 'juliet@localhost']) {
      const answer = await romeo.iq('set', query("<item jid='evil@localhost' subscription='both'/>"), to);
      assert.equal(answer.type, 'error');
    }
    await juliet.expectNothing();
    await juliet.close();
    await romeo.close();
  });

  test('a full roster takes no more contacts, but changes of those it has', async () => {
    const client = await core.login('benvolio');
    for (let i = 0; i < 8; i++)
      assert.equal(condition(await client.iq('set', query(`<item jid='c${i}@localhost'/>`))), 'result');
    assert.equal(
      condition(await client.iq('set', query("<item jid='c8@localhost'/>"))),
      'resource-constraint',
    );
    assert.equal(
      condition(await client.iq('set', query("<item jid='c7@localhost' name='seven'/>"))),
      'result',
    );
    client.send("<presence type='subscribe' to='c9@localhost' id='full'/>");
    const error = await client.element('presence');
    assert.equal(StanzaError.fromStanza(error).condition, 'resource-constraint');
    await client.close();
  });

  test('§2.6: versioning: advertised; unchanged is an empty result, changed the roster with its version', async () => {
    const client = await core.connect();
    await client.open('localhost');
    const features = await client.authenticate('versioned', 'secret', 'localhost');
    assert.ok(features.hasChild('ver', 'urn:xmpp:features:rosterver'), '§2.6.1');
    await client.bind('v');
    const verOf = (answer: Stanza) => answer.element.getChild('query')?.attrs['ver'];
    const first = verOf(await client.iq('get', query('', " ver=''")));
    assert.ok(first, '§2.6.2: an empty version asks for all, and is answered with one');
    assert.equal((await client.iq('get', query('', ` ver='${first}'`))).children().length, 0, '§2.6.3');
    await client.iq('set', query("<item jid='nurse@localhost'/>"));
    const push = await client.element('iq');
    const second = verOf(push);
    assert.ok(second !== undefined && second !== first, '§2.6.3: each push has the version it leads to');
    const changed = await client.iq('get', query('', ` ver='${first}'`));
    assert.equal(verOf(changed), second);
    assert.equal((await client.iq('get', query('', ` ver='${second}'`))).children().length, 0);
    assert.equal(
      verOf(await client.iq('get', query(''))),
      second,
      '§2.6.3 SHOULD: also who did not ask for it',
    );
    assert.ok(verOf(await client.iq('get', query('', " ver='never-existed'"))));
    await client.close();
  });

  test('§2.6: a version of a removed account says nothing to its successor', async () => {
    const client = await core.login('tybalt');
    await client.iq('set', query("<item jid='nurse@localhost'/>"));
    const version = (await client.iq('get', query('', " ver=''"))).element.getChild('query')?.attrs['ver'];
    await core.control('user.remove', { jid: 'tybalt@localhost', force: true });
    await core.addUsers('tybalt');
    const successor = await core.login('tybalt');
    const answer = await successor.iq('get', query('', ` ver='${version}'`));
    assert.equal(answer.element.getChild('query')?.getChildren('item').length, 0);
    await successor.close();
  });

  test('§2.6: an account that was written to before it was made starts with a version of its own, too', async () => {
    const sender = await core.login('romeo');
    const versions = new Set<string | undefined>();
    for (let i = 0; i < 2; i++) {
      sender.send("<message to='late@localhost' type='chat'><body>x</body></message>");
      assert.equal(condition(await sender.element('message')), 'service-unavailable');
      await core.addUsers('late');
      const client = await core.login('late');
      await client.iq('set', query("<item jid='nurse@localhost'/>"));
      versions.add((await client.iq('get', query('', " ver=''"))).element.getChild('query')?.attrs['ver']);
      await core.control('user.remove', { jid: 'late@localhost', force: true });
    }
    assert.equal(versions.size, 2);
    await sender.close();
  });
});
