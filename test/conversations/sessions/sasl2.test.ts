import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

const SASL2 = 'urn:xmpp:sasl:2';
const SM = 'urn:xmpp:sm:3';
const BIND2 = 'urn:xmpp:bind:0';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ C2S_TLS_PORT: 'auto', METRICS_PORT: 'auto' });
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

/** A client inside TLS with the features of its stream. */
async function secured(): Promise<RawClient> {
  const { host, port } = core.address('c2s-tls');
  return RawClient.connectTls({ host, port, servername: 'localhost', ALPNProtocols: ['xmpp-client'] });
}

const plain = (user: string, password = 'secret') => Buffer.from(`\0${user}\0${password}`).toString('base64');
const authenticate = (user: string, inner = '', password?: string) =>
  `<authenticate xmlns='${SASL2}' mechanism='PLAIN'><initial-response>${plain(user, password)}</initial-response>${inner}</authenticate>`;

/** The names of the features that are offered, in alphabetical order. */
const offered = (features: Stanza): string[] =>
  features
    .children()
    .map(({ name }) => name)
    .sort();

test('XEP-0388 §2.1: offered inside TLS only, with what can be had inline', async () => {
  const open = await core.connect();
  const features = await open.open('localhost');
  assert.equal(features.hasChild('authentication', SASL2), false);
  await open.close();
  const client = await secured();
  const offered = (await client.open('localhost')).element.getChild('authentication', SASL2);
  const mechanisms = offered?.getChildren('mechanism').map((each) => each.getText()) ?? [];
  assert.ok(
    mechanisms.includes('SCRAM-SHA-256-PLUS') && mechanisms.includes('SCRAM-SHA-1'),
    mechanisms.join(),
  );
  const inline = offered?.getChild('inline');
  assert.ok(inline?.getChild('sm', SM));
  const vars = inline
    ?.getChild('bind', BIND2)
    ?.getChild('inline')
    ?.getChildren('feature')
    .map((each) => each.attrs['var']);
  assert.deepEqual(vars?.sort(), ['urn:xmpp:carbons:2', 'urn:xmpp:csi:0', SM].sort());
  await client.close();
});

test('XEP-0388 §2.6: success names the account, and the features of the same stream follow', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(authenticate('romeo'));
  await client.expect(
    `<success xmlns='${SASL2}'><authorization-identifier>romeo@localhost</authorization-identifier></success>`,
  );
  const features = await client.element('features');
  assert.ok(features.hasChild('bind', 'urn:ietf:params:xml:ns:xmpp-bind'));
  await client.bind('classic');
  await client.ping();
  // §"Multiple Authentication"
  client.send(authenticate('romeo'));
  await client.expectStreamError('policy-violation');
});

test('XEP-0388 §2.6.2: a failure leaves the stream as it was', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(authenticate('romeo', `<bind xmlns='${BIND2}'/>`, 'wrong'));
  await client.expect(
    `<failure xmlns='${SASL2}'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>`,
  );
  client.send(`<authenticate xmlns='${SASL2}' mechanism='NONESUCH'/>`);
  await client.expect(
    `<failure xmlns='${SASL2}'><invalid-mechanism xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>`,
  );
  client.send(authenticate('romeo'));
  await client.element('success');
  await client.close();
  // counted like those of the older profile
  const { host, port } = core.address('metrics');
  const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text();
  assert.match(metrics, /sasl_failure_total\{[^}]*condition="not-authorized"[^}]*\} 1\n/);
  assert.match(metrics, /sasl_success_total\{[^}]*\} [1-9]/);
});

test('XEP-0386: one request logs in, binds, enables stream management and carbons; the next resumes', async () => {
  const agent =
    "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Test</software></user-agent>";
  const client = await secured();
  await client.open('localhost');
  client.send(
    authenticate(
      'juliet',
      `${agent}<bind xmlns='${BIND2}'><tag>Awesome</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='${SM}' resume='true'/></bind>`,
    ),
  );
  const success = await client.element('success');
  const jid = success.element.getChildText('authorization-identifier') ?? '';
  assert.match(jid, /^juliet@localhost\/Awesome\/[\w-]+$/);
  assert.equal(jid.includes('d4565fa7'), false);
  const enabled = success.element.getChild('bound', BIND2)?.getChild('enabled', SM);
  const id = enabled?.attrs['id'] ?? '';
  assert.notEqual(id, '');
  assert.deepEqual(offered(await client.element('features')), ['c', 'csi', 'sub', 'ver']);
  client.jid = jid;
  await client.goOnline();
  client.cut();

  const romeo = await core.online('romeo', 'orchard');
  romeo.send(`<message to='${jid}' type='chat' id='w1'><body>while away</body></message>`);
  await romeo.ping();
  const again = await secured();
  await again.open('localhost');
  // the ping of goOnline, its roster result and the presence were handled
  again.send(
    authenticate('juliet', `${agent}<resume xmlns='${SM}' previd='${id}' h='2'/><bind xmlns='${BIND2}'/>`),
  );
  const resumed = await again.element('success');
  assert.equal(resumed.element.getChildText('authorization-identifier'), jid);
  assert.ok(resumed.element.getChild('resumed', SM), resumed.source);
  assert.equal(resumed.element.getChild('bound', BIND2), undefined);
  // XEP-0198 §8.2 MUST NOT: no features, the stream goes on where it was
  assert.equal((await again.element('message')).id, 'w1');
  await romeo.close();
  await again.close();
});

test('XEP-0386: a resumption that fails is said, and a resource is bound instead', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(authenticate('juliet', `<resume xmlns='${SM}' previd='none' h='0'/><bind xmlns='${BIND2}'/>`));
  const success = await client.element('success');
  assert.ok(
    success.element.getChild('failed', SM)?.getChild('item-not-found', 'urn:ietf:params:xml:ns:xmpp-stanzas'),
  );
  assert.ok(success.element.getChild('bound', BIND2));
  await client.close();
});

test('XEP-0198 §3: on a stream bound without it, stream management is offered and can be enabled', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(authenticate('romeo', `<bind xmlns='${BIND2}'/>`));
  await client.element('success');
  assert.deepEqual(offered(await client.element('features')), ['c', 'csi', 'sm', 'sub', 'ver']);
  client.send(`<enable xmlns='${SM}'/>`);
  await client.element('enabled');
  await client.close();
});

test('what is pipelined behind the request meets the bound session', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(
    `${authenticate('romeo', `<bind xmlns='${BIND2}'/>`)}<iq type='get' id='early' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`,
  );
  await client.element('success');
  await client.element('features');
  const answer = await client.element('iq');
  assert.equal(answer.id, 'early');
  assert.equal(answer.type, 'result');
  await client.close();
});

test('XEP-0386 §4: the same user agent takes over from itself whatever the policy, another account gets another resource', async () => {
  const other = await CoreUnderTest.start({
    C2S_TLS_PORT: 'auto',
    RESOURCE_CONFLICT: 'refuse',
    LIMIT_SESSIONS_PER_ACCOUNT: '1',
  });
  try {
    await other.addUsers('romeo', 'juliet');
    const { host, port } = other.address('c2s-tls');
    const login = async (user: string, agent: string) => {
      const client = await RawClient.connectTls({
        host,
        port,
        servername: 'localhost',
        ALPNProtocols: ['xmpp-client'],
      });
      await client.open('localhost');
      client.send(authenticate(user, `<user-agent id='${agent}'/><bind xmlns='${BIND2}'/>`));
      return client;
    };
    const jidOf = async (client: RawClient) =>
      (await client.element('success')).element.getChildText('authorization-identifier') ?? '';
    const first = await login('romeo', 'd4565fa7-4d72-4749-b3d3-740edbf87770');
    const name = await jidOf(first);
    const second = await login('romeo', 'd4565fa7-4d72-4749-b3d3-740edbf87770');
    assert.equal(await jidOf(second), name);
    await first.element('features');
    await first.expectStreamError('conflict');
    const juliet = await login('juliet', 'd4565fa7-4d72-4749-b3d3-740edbf87770');
    assert.notEqual((await jidOf(juliet)).split('/')[1], name.split('/')[1]);
    const third = await login('romeo', '00000000-4d72-4749-b3d3-740edbf87770');
    await third.expectStreamError('resource-constraint');
    await second.close();
    await juliet.close();
  } finally {
    await other.stop();
  }
});

test('XEP-0386 §3.2.1: neither an id that is none nor a tag that cannot be in a resource ties or fails a log-in', async () => {
  const names = new Set<string>();
  for (const inner of [
    `<user-agent id=''/><bind xmlns='${BIND2}'/>`,
    `<user-agent id=''/><bind xmlns='${BIND2}'/>`,
    `<bind xmlns='${BIND2}'><tag>${'x'.repeat(1100)}</tag></bind>`,
    `<bind xmlns='${BIND2}'><tag>bad\u200e\u0009tag</tag></bind>`,
  ]) {
    const client = await secured();
    await client.open('localhost');
    client.send(authenticate('juliet', inner));
    const success = await client.element('success');
    const name = success.element.getChildText('authorization-identifier') ?? '';
    assert.match(name, /^juliet@localhost\/./);
    names.add(name);
    await client.close();
  }
  assert.equal(names.size, 4);
});

test('XEP-0388 §2: an exchange that is aborted or answered unasked fails, and the next one succeeds', async () => {
  const client = await secured();
  await client.open('localhost');
  const failed = async (condition: string) => {
    const failure = await client.element('failure');
    assert.ok(failure.hasChild(condition, 'urn:ietf:params:xml:ns:xmpp-sasl'), failure.source);
  };
  const initial = Buffer.from('n,,n=romeo,r=abcdefghijklmnop').toString('base64');
  const scram =
    `<authenticate xmlns='${SASL2}' mechanism='SCRAM-SHA-1'>` +
    `<initial-response>${initial}</initial-response><bind xmlns='${BIND2}'/></authenticate>`;
  client.send(scram);
  await client.element('challenge');
  client.send(`<abort xmlns='${SASL2}'/>`);
  await failed('aborted');
  client.send(`<response xmlns='${SASL2}'>AAAA</response>`);
  await failed('malformed-request');
  // the inline request of what failed is not carried out by what succeeds (§2.6.2)
  client.send(authenticate('romeo'));
  await client.expect(
    `<success xmlns='${SASL2}'><authorization-identifier>romeo@localhost</authorization-identifier></success>`,
  );
  await client.close();
});

test('XEP-0388 §2.4: anything but the exchange, white space too, ends the stream', async () => {
  const register = "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>";
  for (const other of [' ', '\n', '<presence/>', register, "<r xmlns='urn:xmpp:sm:3'/>"]) {
    const client = await secured();
    await client.open('localhost');
    client.send(`<authenticate xmlns='${SASL2}' mechanism='PLAIN'/>`);
    await client.element('challenge');
    client.send(other);
    await client.expectStreamError('not-authorized');
  }
});

test('XEP-0388 §2.4: between and after exchanges white space is as everywhere', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(`\n${authenticate('romeo', '', 'wrong')}`);
  await client.element('failure');
  client.send(`\n<authenticate xmlns='${SASL2}' mechanism='PLAIN'/>`);
  await client.element('challenge');
  client.send(`<response xmlns='${SASL2}'>${plain('romeo')}</response>\n`);
  await client.element('success');
  await client.element('stream:features');
  client.send(' ');
  await client.bind(null);
  await client.close();
});

test('XEP-0388 §2.3: an authorization identity is who the stream is from, where it says so', async () => {
  const acting = Buffer.from('romeo@localhost\0romeo\0secret').toString('base64');
  const request = `<authenticate xmlns='${SASL2}' mechanism='PLAIN'><initial-response>${acting}</initial-response></authenticate>`;
  for (const [from, outcome] of [
    ['juliet@localhost', 'failure'],
    ['romeo@localhost', 'success'],
  ] as const) {
    const client = await secured();
    await client.open('localhost', { attributes: `from='${from}'` });
    client.send(request);
    const answer = await client.element(outcome);
    if (outcome === 'failure')
      assert.ok(answer.hasChild('invalid-authzid', 'urn:ietf:params:xml:ns:xmpp-sasl'), answer.source);
    await client.close();
  }
});

test('XEP-0388 §2.4: a second <authenticate/> while an exchange goes on ends the stream', async () => {
  const client = await secured();
  await client.open('localhost');
  client.send(`<authenticate xmlns='${SASL2}' mechanism='SCRAM-SHA-1'/>`);
  await client.element('challenge');
  client.send(authenticate('romeo'));
  await client.expectStreamError('not-authorized');
});

test('XEP-0388 §2.1: a `from` of another domain is invalid-from', async () => {
  const client = await secured();
  await assert.rejects(client.open('localhost', { attributes: "from='romeo@elsewhere.example'" }));
  assert.match(client.transcript, /<invalid-from /);
});

test('RFC 6120 §6.4.6: who logs in is whom the header announced, where it announced an account', async () => {
  const legacy = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain('romeo')}</auth>`;
  for (const log of [legacy, authenticate('romeo')]) {
    const other = await secured();
    await other.open('localhost', { attributes: "from='juliet@localhost'" });
    other.send(log);
    const failure = await other.element('failure');
    assert.ok(failure.hasChild('invalid-authzid', 'urn:ietf:params:xml:ns:xmpp-sasl'), failure.source);
    await other.expectStreamError('invalid-from');
    // some libraries name the machine they run on
    for (const from of ['ROMEO@localhost', 'romeo@localhost/orchard', 'laptop.example']) {
      const client = await secured();
      await client.open('localhost', { attributes: `from='${from}'` });
      client.send(log);
      assert.equal((await client.element()).name, 'success', from);
      client.cut();
    }
  }
});
