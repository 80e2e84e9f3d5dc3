import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

const STREAMS = 'http://etherx.jabber.org/streams';
let core: CoreUnderTest;
let bystander: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    XMPP_DOMAINS: 'localhost,second.example',
    LIMIT_CONNECTIONS_PER_ADDRESS: '6',
    LIMIT_UNAUTHENTICATED_SECONDS: '2',
  });
  await core.addUsers('romeo', 'juliet', 'romeo@second.example');
  bystander = await core.online('juliet');
});
after(() => core.stop());

/** Sends a header (and more) on a new connection; `then` judges the answer. */
async function opened(text: string, then: (client: RawClient) => Promise<void>): Promise<void> {
  const client = await core.connect();
  client.send(text);
  await then(client);
  client.cut();
  await bystander.ping();
}

const header = (attributes: string, namespace = 'jabber:client') =>
  `<?xml version='1.0'?><stream:stream xmlns='${namespace}' xmlns:stream='${STREAMS}' ${attributes}>`;

test('RFC 6120 §4.7: the response header: from, to, id, version, xml:lang; then features', () =>
  opened(
    header("to='localhost' from='romeo@localhost/orchard' version='1.0' xml:lang='de' id='mine'"),
    async (client) => {
      const answer = await client.header();
      assert.equal(answer.from, 'localhost');
      assert.equal(answer.to, 'romeo@localhost', '§4.7.2: the bare JID of `from`');
      assert.equal(answer.version, '1.0');
      assert.equal(answer.lang, 'en', '§4.7.4: a language that we do not speak is answered with ours');
      assert.ok(answer.id !== undefined && answer.id !== 'mine' && answer.id.length >= 16, '§4.7.3');
      assert.equal(answer.defaultNamespace, 'jabber:client');
      const features = await client.element('stream:features');
      assert.deepEqual(
        features
          .children()
          .map((child) => child.name)
          .filter((name) => name === 'starttls' || name === 'mechanisms'),
        ['starttls', 'mechanisms'],
      );
    },
  ));

test('RFC 6120 §4.7.2: without `from` there is no `to` in the answer; ids differ from stream to stream', async () => {
  const ids = new Set<string | undefined>();
  for (let i = 0; i < 3; i++) {
    await opened(header("to='localhost' version='1.0' xml:lang='en-GB'"), async (client) => {
      const answer = await client.header();
      assert.equal(answer.to, undefined);
      assert.equal(answer.lang, 'en-GB');
      ids.add(answer.id);
    });
  }
  assert.equal(ids.size, 3);
});

test('RFC 6120 §4.7.5: versions are numbers; without one, or below 1.0, no features and no version', async () => {
  for (const version of [
    "version='1.0'",
    "version='1.13'",
    "version='01.0'",
    "version='2.4'",
    "version='11.0'",
  ]) {
    await opened(header(`to='localhost' ${version}`), async (client) => {
      assert.equal((await client.header()).version, '1.0', version);
      await client.element('stream:features');
    });
  }
  for (const version of ['', "version='0.9'"]) {
    await opened(header(`to='localhost' ${version}`), async (client) => {
      assert.equal((await client.header()).version, undefined, version);
      // a legacy client asks with XEP-0078: the stream lives, and the answer is the first thing on it
      client.send("<iq type='get' id='a1'><query xmlns='jabber:iq:auth'/></iq>");
      assert.equal((await client.element('iq')).id, 'a1');
    });
  }
});

test('RFC 6120 §4.8.2: a prefix-free stream, on which each stanza names its namespace', async () => {
  const open = `<stream xmlns='${STREAMS}' to='localhost' version='1.0'>`;
  await opened(open, async (client) => {
    await client.header();
    await client.element('stream:features');
    const plain = Buffer.from('\0romeo\0secret').toString('base64');
    client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await client.element('success');
    await client.open('localhost');
    await client.bind('orchard');
    client.send(
      "<message xmlns='jabber:client' to='juliet@localhost/test' id='pf'><body>hi</body></message>",
    );
    await bystander.expect(
      "<message from='romeo@localhost/orchard' to='juliet@localhost/test' id='pf'><body>hi</body></message>",
    );
  });
  await opened(open, async (client) => {
    await client.header();
    await client.element('stream:features');
    client.send("<iq xmlns='jabber:client' type='set' id='x'><ping xmlns='urn:xmpp:ping'/></iq>");
    await client.expectStreamError('not-authorized');
  });
});

test('RFC 6120 §8.1.5: the language of the stream is inherited by stanzas without one, and by no others', async () => {
  await opened(header("to='localhost' version='1.0' xml:lang='it'"), async (client) => {
    await client.header();
    await client.element('stream:features');
    const plain = Buffer.from('\0romeo\0secret').toString('base64');
    client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await client.element('success');
    await client.open('localhost', { attributes: "xml:lang='it'" });
    await client.bind('orchard');
    client.send("<message to='juliet@localhost/test' id='l1'><body>ciao</body></message>");
    await bystander.expect(
      "<message from='romeo@localhost/orchard' to='juliet@localhost/test' id='l1' xml:lang='it'><body>ciao</body></message>",
    );
    client.send("<message to='juliet@localhost/test' id='l2' xml:lang='de'><body>hallo</body></message>");
    assert.equal((await bystander.element('message')).lang, 'de');
  });
});

test('RFC 6120 §4.3.3, §6.4.6: the stream is new after SASL: another id, other features', () =>
  opened(header("to='localhost' version='1.0'"), async (client) => {
    const first = await client.header();
    await client.element('stream:features');
    const plain = Buffer.from('\0romeo\0secret').toString('base64');
    client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await client.element('success');
    const features = await client.open('localhost');
    assert.ok(features.hasChild('bind', 'urn:ietf:params:xml:ns:xmpp-bind'));
    assert.ok(!features.hasChild('mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl'));
    assert.ok(!features.hasChild('starttls', 'urn:ietf:params:xml:ns:xmpp-tls'));
    assert.doesNotMatch(
      client.transcript.slice(client.transcript.indexOf('<success')),
      new RegExp(first.id ?? '-'),
    );
  }));

test('RFC 6120 §4.3.3: after SASL the stream must be for the domain that was authenticated', () =>
  opened(header("to='localhost' version='1.0'"), async (client) => {
    await client.header();
    await client.element('stream:features');
    const plain = Buffer.from('\0romeo\0secret').toString('base64');
    client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await client.element('success');
    await assert.rejects(client.open('second.example'));
    assert.match(client.transcript, /host-unknown/);
  }));

test('RFC 6120 §4.9.1.3: an error says who we are, never whom the client wanted', async () => {
  for (const to of ["to='elsewhere.example'", "to='not a domain'", "to='romeo@localhost'", '']) {
    await opened(header(`${to} version='1.0'`), async (client) => {
      assert.equal((await client.header()).from, 'localhost', to);
      await client.expectStreamError(to === '' ? 'improper-addressing' : 'host-unknown');
    });
  }
});

test('RFC 6120 §10: several domains are served, each its own', async () => {
  const other = await core.login('romeo', 'r', 'second.example');
  assert.equal(other.jid, 'romeo@second.example/r');
  other.send("<message to='juliet@localhost/test' id='d1'><body>x</body></message>");
  assert.equal((await bystander.element('message')).from, 'romeo@second.example/r');
  await other.close();
});

test('RFC 6120 §4.4: our closing tag answers the client’s, and the connection ends', async () => {
  const client = await core.login('romeo', 'closing');
  client.send("<message to='juliet@localhost/test' id='last'><body>x</body></message></stream:stream>");
  assert.equal((await client.next()).kind, 'closed');
  assert.equal((await client.next()).kind, 'lost');
  assert.equal((await bystander.element('message')).id, 'last');
});

test('RFC 6120 §4.4: white space between stanzas is a keepalive and nothing else', async () => {
  const client = await core.login('romeo', 'keepalive');
  client.send(' \n\t ');
  await client.expectNothing();
  await client.close();
});

test('RFC 6120 §4.9.1.1: a stream error of the client ends the stream without another error', async () => {
  const client = await core.login('romeo', 'erring');
  client.send(
    "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  );
  assert.equal((await client.next()).kind, 'closed');
  assert.equal((await client.next()).kind, 'lost');
});

test('RFC 6120 §4.9.3.17: too many connections of one address', async () => {
  const clients: RawClient[] = [];
  for (let i = 0; i < 5; i++) {
    const client = await core.connect();
    await client.open('localhost');
    clients.push(client);
  }
  const surplus = await core.connect();
  const answer = await surplus.header();
  assert.ok(answer.id, '§4.7.3: every header of ours has an id');
  await surplus.expectStreamError('resource-constraint');
  for (const client of clients) client.cut();
  await bystander.ping();
});

test('RFC 6120 §4.9.3.4: whoever does not authenticate in time is let go', async () => {
  const client = await core.connect();
  await client.open('localhost');
  await client.expectStreamError('connection-timeout');
  const mute = await core.connect();
  const answer = await mute.header();
  assert.equal(
    answer.from,
    'localhost',
    '§4.9.1.2: an error before the client’s header comes within a header of ours',
  );
  await mute.expectStreamError('connection-timeout');
  await bystander.ping();
});

test('RFC 6120 §4.6.1, §4.9.3.4: a silent client is pinged; who answers stays, who does not is let go', async (t) => {
  const impatient = await CoreUnderTest.start({ LIMIT_IDLE_SECONDS: '1' });
  t.after(() => impatient.stop());
  await impatient.addUsers('romeo');
  const alive = await impatient.login('romeo', 'alive');
  const dead = await impatient.login('romeo', 'dead');
  const ended = dead
    .stanza((stanza) => stanza.name === 'error')
    .then((error) => assert.ok(error.hasChild('connection-timeout', 'urn:ietf:params:xml:ns:xmpp-streams')));
  for (let i = 0; i < 3; i++) {
    const ping = await alive.element('iq');
    assert.ok(ping.hasChild('ping', 'urn:xmpp:ping'));
    assert.deepEqual([ping.type, ping.from, ping.to], ['get', 'localhost', 'romeo@localhost/alive']);
    alive.send(`<iq type='result' id='${ping.id}' to='localhost'/>`);
  }
  await ended;
  await alive.expectNothing();
});

test('RFC 6120 §4.9.3.20: a core that is stopped tells its clients and components', async (t) => {
  const stopping = await CoreUnderTest.start({
    COMPONENTS: 'chat',
    COMPONENT_CHAT_DOMAIN: 'chat.localhost',
    COMPONENT_CHAT_SECRET: 'secret',
  });
  t.after(() => stopping.stop());
  await stopping.addUsers('romeo');
  const romeo = await stopping.login('romeo');
  const component = await joinComponent(stopping, 'chat.localhost');
  await stopping.process.stop();
  await romeo.expectStreamError('system-shutdown');
  await component.expectStreamError('system-shutdown');
});
