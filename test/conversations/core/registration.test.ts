import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const REGISTER = 'jabber:iq:register';
const query = (content = '') => `<query xmlns='${REGISTER}'>${content}</query>`;
const condition = (answer: Stanza) =>
  answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);
const fields = (username: string, password: string) =>
  query(`<username>${username}</username><password>${password}</password>`);

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ REGISTRATION: 'open', XMPP_DOMAINS: 'localhost,second.example' });
  await core.addUsers('juliet', 'nurse');
});
after(() => core.stop());

async function stranger(server = core): Promise<{ client: RawClient; features: Stanza }> {
  const client = await server.connect();
  const features = await client.open('localhost');
  return { client, features };
}

async function canLogIn(user: string, password: string): Promise<boolean> {
  const { client } = await stranger();
  const message = Buffer.from(`\0${user}\0${password}`).toString('base64');
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${message}</auth>`);
  const answer = await client.element();
  client.cut();
  return answer.name === 'success';
}

describe('in-band registration (XEP-0077)', () => {
  test('§3.1, §8: offered, asked for, registered, and then one can log in', async () => {
    const { client, features } = await stranger();
    assert.ok(features.hasChild('register', 'http://jabber.org/features/iq-register'));
    const form = (await client.iq('get', query())).element.getChild('query', REGISTER);
    assert.deepEqual(
      form?.getChildElements().map((child) => child.getName()),
      ['instructions', 'username', 'password'],
    );
    assert.equal(condition(await client.iq('set', fields('Bénvolio', 's3cret'))), 'result');
    // the same stream goes on to authenticate
    await client.authenticate('bénvolio', 's3cret', 'localhost');
    assert.equal(await client.bind('r'), 'bénvolio@localhost/r');
    await client.close();
  });

  test('§3.1: what is wrong: a name that is taken, missing or impossible; no password', async () => {
    const { client } = await stranger();
    const wrong: readonly (readonly [what: string, payload: string, expected: string])[] = [
      ['taken', fields('juliet', 'x'), 'conflict'],
      ['taken in other letters', fields('JULIET', 'x'), 'conflict'],
      ['no name', query('<password>x</password>'), 'not-acceptable'],
      ['no password', query('<username>new</username>'), 'not-acceptable'],
      ['an empty password', fields('new', ''), 'not-acceptable'],
      ['an impossible name', fields('a b', 'x'), 'not-acceptable'],
      ['cancelling an account that nobody has', query('<remove/>'), 'unexpected-request'],
      ['a name with a domain', fields('new@localhost', 'x'), 'not-acceptable'],
      ['a name with a resource', fields('new/x', 'x'), 'not-acceptable'],
      [
        'an impossible password',
        fields('new', 'a\u0007b'.replace('\u0007', '&#x200e;&#x5d0;b')),
        'not-acceptable',
      ],
    ];
    for (const [what, payload, expected] of wrong)
      assert.equal(condition(await client.iq('set', payload)), expected, what);
    assert.equal(await canLogIn('new', 'x'), false);
    client.cut();
  });

  test('another host of the same server changes and cancels nothing here', async () => {
    const { client: unknown } = await stranger();
    assert.equal(
      condition(await unknown.iq('set', fields('elsewhere', 'x'), 'second.example')),
      'service-unavailable',
    );
    assert.equal(await canLogIn('elsewhere', 'x'), false);
    unknown.cut();
    const client = await core.login('juliet');
    for (const payload of [fields('juliet', 'changed'), query('<remove/>')])
      assert.equal(condition(await client.iq('set', payload, 'second.example')), 'service-unavailable');
    assert.equal(condition(await client.iq('get', query(), 'second.example')), 'service-unavailable');
    assert.equal(await canLogIn('juliet', 'secret'), true);
    await client.close();
  });

  test('§3.1: whoever is registered is told so', async () => {
    const client = await core.login('juliet');
    const form = (await client.iq('get', query(), 'localhost')).element.getChild('query', REGISTER);
    assert.ok(form?.getChild('registered'));
    assert.equal(form?.getChildText('username'), 'juliet');
    await client.close();
  });

  test('§3.3: the password is changed; the other sessions end, this one stays', async () => {
    const client = await core.login('nurse', 'here');
    const other = await core.login('nurse', 'there');
    for (const [payload, expected] of [
      [fields('juliet', 'x'), 'not-allowed'],
      [query('<password>x</password>'), 'bad-request'],
      [query('<username>nurse</username>'), 'bad-request'],
      [fields('nurse', 'nèw'), 'result'],
    ] as const)
      assert.equal(condition(await client.iq('set', payload, 'localhost')), expected, payload);
    await other.expectStreamError('not-authorized');
    await client.ping();
    await client.close();
    assert.deepEqual([await canLogIn('nurse', 'secret'), await canLogIn('nurse', 'nèw')], [false, true]);
  });

  test('§3.2: cancellation: only as it must be asked for; then the account is gone with all its sessions and data', async () => {
    await core.addUsers('tybalt', 'paris');
    const paris = await core.online('paris', 'p');
    const tybalt = await core.online('tybalt', 't');
    const other = await core.login('tybalt', 'other');
    paris.send("<presence type='subscribe' to='tybalt@localhost'/>");
    await tybalt.stanza((stanza) => stanza.type === 'subscribe');
    tybalt.send("<presence type='subscribed' to='paris@localhost'/>");
    await paris.stanza((stanza) => stanza.type === 'subscribed');
    tybalt.send("<presence to='paris@localhost/p'/>");
    await tybalt.ping();
    paris.received.length = 0;
    assert.equal(
      condition(await tybalt.iq('set', query('<remove/><username>tybalt</username>'))),
      'bad-request',
    );
    tybalt.received.length = 0;
    tybalt.send(`<iq type='set' id='bye' to='localhost'>${query('<remove/>')}</iq>`);
    assert.equal((await tybalt.stanza((stanza) => stanza.id === 'bye')).type, 'result');
    await tybalt.stanza(
      (stanza) =>
        stanza.name === 'error' && stanza.hasChild('not-authorized', 'urn:ietf:params:xml:ns:xmpp-streams'),
    );
    await other.expectStreamError('not-authorized');
    // RFC 6121 §2.5.2 for those who knew it
    await paris.stanza((stanza) => stanza.type === 'unavailable');
    await paris.stanza((stanza) => stanza.type === 'unsubscribed' && stanza.from === 'tybalt@localhost');
    assert.equal(await canLogIn('tybalt', 'secret'), false);
    paris.send("<message to='tybalt@localhost' type='chat' id='gone'><body>x</body></message>");
    assert.equal(condition(await paris.stanza((stanza) => stanza.id === 'gone')), 'service-unavailable');
    // the name is free when all its data is gone, and its successor inherits nothing
    const end = performance.now() + 8000;
    const { client } = await stranger();
    while (condition(await client.iq('set', fields('tybalt', 'successor'))) !== 'result')
      assert.ok(performance.now() < end, 'the name is never free');
    await client.authenticate('tybalt', 'successor', 'localhost');
    await client.bind('new');
    const roster = await client.iq('get', "<query xmlns='jabber:iq:roster'/>");
    assert.equal(roster.element.getChild('query')?.getChildElements().length, 0);
    client.send('<presence/>');
    assert.equal((await client.element('presence')).from, 'tybalt@localhost/new');
    await client.expectNothing();
    await client.close();
    await paris.close();
  });

  test('closed: neither offered nor possible; password change and cancellation still are', async () => {
    const closed = await CoreUnderTest.start();
    try {
      await closed.addUsers('juliet');
      const { client, features } = await stranger(closed);
      assert.ok(!features.hasChild('register', 'http://jabber.org/features/iq-register'));
      assert.equal(condition(await client.iq('get', query())), 'service-unavailable');
      assert.equal(condition(await client.iq('set', fields('new', 'x'))), 'service-unavailable');
      client.cut();
      const juliet = await closed.login('juliet');
      assert.equal(condition(await juliet.iq('set', fields('juliet', 'other'))), 'result');
      assert.equal(condition(await juliet.iq('set', query('<remove/>'))), 'result');
      await juliet.close();
    } finally {
      await closed.stop();
    }
  });
});
