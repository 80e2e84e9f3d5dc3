import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';

async function authenticated(core: CoreUnderTest, user = 'romeo'): Promise<RawClient> {
  const client = await core.connect();
  await client.open('localhost');
  const features = await client.authenticate(user, 'secret', 'localhost');
  assert.ok(features.hasChild('bind', BIND), '§7.4: bind is offered after SASL');
  return client;
}

async function tryBind(client: RawClient, resource: string, type = 'set', id = 'b'): Promise<Stanza> {
  client.send(`<iq type='${type}' id='${id}'><bind xmlns='${BIND}'>${resource}</bind></iq>`);
  return client.element('iq');
}
const named = (resource: string) => `<resource>${resource}</resource>`;

describe('resource binding (RFC 6120 §7)', () => {
  let core: CoreUnderTest;
  before(async () => {
    core = await CoreUnderTest.start({ LIMIT_SESSIONS_PER_ACCOUNT: '3' });
    await core.addUsers('romeo', 'juliet', 'paris');
  });
  after(() => core.stop());

  test('§7.6.1: the server makes a resource, another one each time', async () => {
    const one = await authenticated(core);
    const two = await authenticated(core);
    const first = await one.bind(null);
    const second = await two.bind(null);
    assert.match(first, /^romeo@localhost\/[\w-]{10,}$/);
    assert.notEqual(first, second);
    const empty = await authenticated(core);
    const answer = await tryBind(empty, '<resource/>');
    assert.match(answer.element.getChild('bind')?.getChildText('jid') ?? '', /^romeo@localhost\/.{10,}$/);
    for (const client of [one, two, empty]) await client.close();
  });

  test('§7.7.1: the client’s resource, prepared as RFC 7622 says', async () => {
    const client = await authenticated(core);
    assert.equal(await client.bind('Caf\u0065\u0301 &amp; Orchard'), 'romeo@localhost/Café & Orchard');
    await client.close();
  });

  test('§7.1: nothing is asked of others before binding, not even a resource', async () => {
    for (const to of ['juliet@localhost', 'elsewhere.example', 'not an address', 'romeo@localhost/a']) {
      const client = await authenticated(core);
      client.send(`<iq type='set' id='b' to='${to}'><bind xmlns='${BIND}'/></iq>`);
      await client.expectStreamError('not-authorized');
    }
    for (const to of ['localhost', 'romeo@localhost']) {
      const client = await authenticated(core);
      client.send(`<iq type='set' id='b' to='${to}'><bind xmlns='${BIND}'/></iq>`);
      assert.equal((await client.element('iq')).type, 'result', to);
      await client.close();
    }
  });

  test('§7.7.2.1: what cannot be a resource is made one, and the answer says which', async () => {
    for (const [wanted, expected] of [
      ['x'.repeat(1024), 'x'.repeat(1023)],
      ['é'.repeat(600), 'é'.repeat(511)],
      ['a\u0085b\u202e', 'ab'],
      [' \u2003 my \u2003phone', 'my  phone'],
      ['\u0378\u200d', null],
      [' ', null],
    ] as const) {
      const client = await authenticated(core);
      const jid = await client.bind(wanted);
      if (expected === null) assert.match(jid, /^romeo@localhost\/[\w-]{10,}$/, JSON.stringify(wanted));
      else assert.equal(jid, `romeo@localhost/${expected}`);
      await client.close();
    }
  });

  test('§7.7.3: after five more tries the stream ends', async () => {
    const there = [];
    for (let i = 0; i < 3; i++) {
      const client = await authenticated(core, 'paris');
      await client.bind(`r${i}`);
      there.push(client);
    }
    const client = await authenticated(core, 'paris');
    for (let i = 0; i < 6; i++) {
      const answer = await tryBind(client, named(`more${i}`));
      assert.equal(StanzaError.fromStanza(answer).condition, 'resource-constraint');
    }
    await client.expectStreamError('policy-violation');
    for (const each of there) await each.close();
  });

  test('§7.6.2.1: too many resources: resource-constraint, and a later try may succeed', async () => {
    const held: RawClient[] = [];
    for (let i = 0; i < 3; i++) held.push(await core.login('paris', `r${i}`));
    const client = await authenticated(core, 'paris');
    const answer = await tryBind(client, named('r3'));
    assert.equal(StanzaError.fromStanza(answer).condition, 'resource-constraint');
    assert.equal(StanzaError.fromStanza(answer).type, 'wait');
    await held.pop()?.close();
    assert.equal(await client.bind('r3'), 'paris@localhost/r3');
    for (const each of [...held, client]) await each.close();
  });

  test('a get is bad-request, and the stream lives', async () => {
    const client = await authenticated(core);
    assert.equal(StanzaError.fromStanza(await tryBind(client, '', 'get')).condition, 'bad-request');
    await client.bind('after');
    await client.close();
  });

  test('old clients (iksemel) bind without an id, and are answered without one', async () => {
    const client = await authenticated(core);
    client.send(`<iq type='set'><bind xmlns='${BIND}'>${named('bare')}</bind></iq>`);
    const answer = await client.element('iq');
    assert.deepEqual([answer.type, answer.id], ['result', undefined]);
    assert.equal(answer.element.getChild('bind')?.getChildText('jid'), 'romeo@localhost/bare');
    await client.close();
  });

  test('§7.7.2.2 (replace): the newcomer gets the resource, the older hears conflict', async () => {
    const older = await core.online('juliet', 'balcony');
    const newer = await core.login('juliet', 'balcony');
    assert.equal(newer.jid, 'juliet@localhost/balcony');
    await older.expectStreamError('conflict');
    await newer.ping();
    await newer.close();
  });

  test('RFC 3921 §3: the session of old clients is optional, and establishing it is a no-operation', async () => {
    const client = await core.connect();
    await client.open('localhost');
    const features = await client.authenticate('juliet', 'secret', 'localhost');
    const session = features.element.getChild('session', 'urn:ietf:params:xml:ns:xmpp-session');
    assert.ok(session?.getChild('optional'));
    await client.bind('old');
    for (const to of [undefined, 'localhost']) {
      const answer = await client.iq('set', "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", to);
      assert.equal(answer.type, 'result');
    }
    await client.close();
  });

  test('pipelined: bind, session, roster and presence in one packet are taken in order', async () => {
    const client = await authenticated(core, 'juliet');
    client.jid = 'juliet@localhost/fast';
    client.send(
      `<iq type='set' id='b'><bind xmlns='${BIND}'>${named('fast')}</bind></iq>` +
        "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>" +
        "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>",
    );
    for (const id of ['b', 's', 'r']) assert.equal((await client.element('iq')).id, id);
    assert.equal((await client.element('presence')).from, 'juliet@localhost/fast');
    await client.close();
  });
});

for (const [policy, check] of [
  [
    'refuse',
    async (core: CoreUnderTest, newer: RawClient) => {
      const answer = await tryBind(newer, named('balcony'));
      assert.equal(StanzaError.fromStanza(answer).condition, 'conflict');
      await newer.bind('chamber');
      assert.ok(core);
    },
  ],
  [
    'override',
    async (_core: CoreUnderTest, newer: RawClient) => {
      const jid = await newer.bind('balcony');
      assert.notEqual(jid, 'juliet@localhost/balcony');
      assert.match(jid, /^juliet@localhost\/balcony .+$/);
    },
  ],
] as const) {
  test(`§7.7.2.2 (${policy}): the older resource stays`, async (t) => {
    const core = await CoreUnderTest.start({ RESOURCE_CONFLICT: policy });
    t.after(() => core.stop());
    await core.addUsers('juliet');
    const older = await core.online('juliet', 'balcony');
    const newer = await authenticated(core, 'juliet');
    await check(core, newer);
    await older.expectNothing();
    await newer.ping();
  });
}
