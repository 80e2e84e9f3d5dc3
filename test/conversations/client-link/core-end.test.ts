import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { LinkFront } from '../../tools/link-front.js';

// docs/protocols/client-link.md, at the core's end, over the raw wire.

let core: CoreUnderTest;
let front: LinkFront;
let streams = 0;
const name = () => `s${++streams}`;
const ns = 'urn:entourage:client-link:1';

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh,other',
    COMPONENT_BOSH_SECRET: 'between-us',
    COMPONENT_OTHER_SECRET: 'other',
    COMPONENT_OTHER_DOMAIN: 'other.localhost',
    COMPONENT_GRACE_SECONDS: '0',
    CLIENT_LINK_ALLOW_PLAIN: 'true',
    C2S_REQUIRE_TLS: 'true',
    LIMIT_XML_DEPTH: '20',
    LIMIT_CONNECTIONS_PER_ADDRESS: '12',
  });
  await core.addUsers('juliet', 'romeo');
  front = await linked();
});
after(() => core.stop());

async function connect(): Promise<LinkFront> {
  return LinkFront.connect(core.address('component'), 'bosh.localhost', 'between-us');
}
async function linked(): Promise<LinkFront> {
  const made = await connect();
  assert.equal((await made.negotiate()).type, 'result');
  return made;
}

test('§4: the feature is listed for who is granted the link, and for nobody else', async () => {
  const query = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
  assert.match((await front.iq('get', query)).source, new RegExp(ns));
  const other = await LinkFront.connect(core.address('component'), 'other.localhost', 'other');
  assert.doesNotMatch((await other.iq('get', query)).source, new RegExp(ns));
  const refused = await other.negotiate();
  assert.equal(refused.type, 'error');
  assert.match(refused.source, /service-unavailable/);
  await other.raw.close();
});

test('§4: the server states version, credit, limits and its domains', async () => {
  const link = (await front.negotiate()).element.getChild('link', ns);
  assert.equal(link?.attrs['version'], '1');
  assert.equal(link?.attrs['min'], '1');
  assert.equal(link?.attrs['max'], '1');
  assert.equal(link?.attrs['credit'], '65536');
  assert.ok(Number(link?.attrs['stanza-bytes']) >= 10_000);
  assert.equal(link?.attrs['depth'], '20');
  assert.deepEqual(
    link?.getChildren('domain').map((one) => one.getText()),
    ['localhost'],
  );
});

test('§4: without a common version the server says its range', async () => {
  const answer = await front.negotiate(2, 9);
  assert.equal(answer.type, 'error');
  assert.match(answer.source, /feature-not-implemented/);
  assert.match(answer.source, /<unsupported-version [^>]*min='1'/);
  assert.equal((await front.negotiate(1, 9)).type, 'result');
});

test('§4: operations before the link are service-unavailable, malformed ones bad-request', async () => {
  const bare = await LinkFront.connect(core.address('component'), 'other.localhost', 'other');
  bare.open('x');
  assert.match((await bare.raw.stanza((one) => one.name === 'message')).source, /service-unavailable/);
  await bare.raw.close();
  front.say('frobnicate', { stream: 'x' });
  assert.match(
    (await front.raw.stanza((one) => one.name === 'message' && one.type === 'error')).source,
    /bad-request/,
  );
  front.say('data', { stream: 'x' }, 'no element');
  assert.match(
    (await front.raw.stanza((one) => one.name === 'message' && one.type === 'error')).source,
    /bad-request/,
  );
  front.say('open', { stream: 'not a name!' });
  assert.match(
    (await front.raw.stanza((one) => one.name === 'message' && one.type === 'error')).source,
    /bad-request/,
  );
});

test('§5.1: open is answered by the header and the features, without what cannot be used', async () => {
  const stream = name();
  front.open(stream, { from: 'juliet@localhost', 'xml:lang': 'de' });
  const { attributes } = await front.operation(stream, 'opened');
  assert.equal(attributes.get('from'), 'localhost');
  assert.equal(attributes.get('version'), '1.0');
  assert.ok(attributes.get('xml:lang'));
  assert.ok(attributes.get('id'));
  const features = await front.content(
    stream,
    /^<stream:features xmlns:stream='http:\/\/etherx\.jabber\.org\/streams'/,
  );
  assert.match(features, /<mechanism>SCRAM-SHA-1<\/mechanism>/);
  assert.doesNotMatch(features, /-PLUS|EXTERNAL|starttls|compression|channel-binding/);
  front.say('close', { stream });
  await front.operation(stream, 'close');
});

test('§9.1: PLAIN and XEP-0078 only where the operator allows them', async () => {
  const strict = await CoreUnderTest.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'x',
    C2S_REQUIRE_TLS: 'true',
  });
  const other = await LinkFront.connect(strict.address('component'), 'bosh.localhost', 'x');
  await other.negotiate();
  other.open('a');
  await other.operation('a', 'opened');
  const features = await other.content('a', /mechanisms/);
  assert.doesNotMatch(features, /PLAIN|DIGEST|iq-auth/);
  await other.raw.close();
  await strict.stop();
});

test('§9.1: XEP-0078 where the operator allows it, inside TLS', async () => {
  const auth =
    "<iq xmlns='jabber:client' type='set' id='old'><query xmlns='jabber:iq:auth'><username>juliet</username><password>secret</password>" +
    '<resource>old</resource></query></iq>';
  for (const [secure, answer] of [
    ['false', /service-unavailable/],
    ['true', /<iq [^>]*type='result'/],
  ] as const) {
    const stream = name();
    front.open(stream, { secure });
    await front.operation(stream, 'opened');
    assert.equal(/iq-auth/.test(await front.content(stream, /features/)), secure === 'true');
    front.data(stream, auth);
    assert.match(await front.content(stream, /id='old'/), answer);
    front.say('close', { stream });
    await front.operation(stream, 'close');
  }
});

test('§9.2: a hop without TLS gets no mechanisms where TLS is required', async () => {
  const stream = name();
  front.open(stream, { secure: 'false' });
  await front.operation(stream, 'opened');
  assert.doesNotMatch(await front.content(stream, /features/), /mechanism/);
  front.say('close', { stream });
  await front.operation(stream, 'close');
});

test('§5.1: what RFC 6120 answers with a stream error is answered so: opened, the error, close', async () => {
  for (const [attributes, condition] of [
    [{ to: 'elsewhere.example' }, 'host-unknown'],
    [{ version: 'new' }, 'unsupported-version'],
  ] as const) {
    const stream = name();
    front.open(stream, attributes);
    await front.operation(stream, 'opened');
    await front.content(stream, new RegExp(`<stream:error .*<${condition} `));
    await front.operation(stream, 'close');
    front.say('close', { stream });
  }
});

test('§5.2, §5.3: log in, restart, bind, and stanzas both ways, each self-contained', async () => {
  const juliet = await front.login(name(), 'juliet');
  const second = name();
  const romeo = await front.login(second, 'romeo');
  assert.equal(juliet, `juliet@localhost/${juliet.split('/')[1]}`);
  const stream = juliet.split('/')[1] ?? '';
  front.data(stream, `<message xmlns='jabber:client' to='${romeo}' id='m1'><body>hello</body></message>`);
  const got = await front.content(second, /^<message xmlns='jabber:client' /);
  assert.match(got, new RegExp(`from='${juliet}'`));
  assert.match(got, /<body>hello<\/body><\/message>$/);
  front.say('close', { stream });
  front.say('close', { stream: second });
  await front.operation(stream, 'close');
  await front.operation(second, 'close');
});

test('§5.2: what is wrong ends that stream, not the link', async () => {
  for (const [element, condition] of [
    ["<message xmlns='jabber:server' to='romeo@localhost'/>", 'invalid-namespace'],
    ["<frobnicate xmlns='urn:x'/>", 'unsupported-stanza-type'],
    ["<error xmlns='http://etherx.jabber.org/streams'/>", 'unsupported-stanza-type'],
    [`<message xmlns='jabber:client'>${'<a>'.repeat(22)}${'</a>'.repeat(22)}</message>`, 'policy-violation'],
  ] as const) {
    const stream = name();
    await front.login(stream, 'juliet', { address: '192.0.2.8' });
    front.data(stream, element);
    await front.content(stream, new RegExp(`<stream:error .*<${condition} `));
    await front.operation(stream, 'close');
    front.say('close', { stream });
  }
  assert.equal((await front.negotiate()).type, 'result');
});

test('§5: a name in use cannot be opened again; §8.1: an unknown stream is item-not-found', async () => {
  const stream = name();
  front.open(stream);
  await front.operation(stream, 'opened');
  front.open(stream);
  assert.equal(
    (await front.operation(stream, 'close')).attributes.get('condition') ?? 'policy-violation',
    'policy-violation',
  );
  front.data('nobody', "<presence xmlns='jabber:client'/>");
  assert.equal((await front.operation('nobody', 'close')).attributes.get('condition'), 'item-not-found');
});

test('§6: without credit nothing more comes; with credit it goes on, in order', async () => {
  const stream = name();
  const juliet = await front.login(stream, 'juliet', { credit: 65_536, address: '192.0.2.9' });
  const romeo = await tcpClient('romeo');
  for (let i = 0; i < 40; i++) {
    romeo.send(`<message to='${juliet}' id='${i}'><body>${'x'.repeat(5_000)}</body></message>`);
  }
  await romeo.ping();
  let bytes = 0;
  let count = 0;
  while (bytes < 65_536 - 3_000) {
    bytes += Buffer.byteLength((await front.operation(stream, 'data')).content);
    count++;
  }
  assert.ok(count < 20, `${count} of 5 KB each fit into 64 KiB`);
  await front.iq('get', "<ping xmlns='urn:xmpp:ping'/>");
  front.say('credit', { stream, bytes: 1_000_000 });
  for (let i = count; i < 40; i++)
    assert.match((await front.operation(stream, 'data')).content, new RegExp(`id='${i}'`));
  // Features, success, features, the bind result, and the messages.
  front.say('close', { stream, h: 44 });
  await front.operation(stream, 'close');
  await romeo.close();
});

test('§6: data without credit ends that stream', async () => {
  const stream = name();
  front.open(stream, { address: '192.0.2.10' });
  await front.operation(stream, 'opened');
  await front.content(stream, /features/);
  // While a password is checked nothing is taken into processing, so nothing is granted.
  const secret = Buffer.from('\0juliet\0secret').toString('base64');
  const auth = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`;
  const big = `<message xmlns='jabber:client' to='romeo@localhost'><body>${'x'.repeat(9_000)}</body></message>`;
  const wrap = (element: string) =>
    `<message from='bosh.localhost' to='localhost'><data xmlns='${ns}' stream='${stream}'>${element}</data></message>`;
  front.raw.send(wrap(auth) + wrap(big).repeat(9));
  const close = await front.operation(stream, 'close');
  assert.equal(close.attributes.get('condition'), 'policy-violation');
  front.say('close', { stream });
  assert.equal((await front.negotiate()).type, 'result', 'the link lives on');
});

test('§7, §8: what was acknowledged is done with, what was not is stored', async () => {
  const stream = name();
  const juliet = await front.login(stream, 'juliet', { address: '192.0.2.11' });
  front.data(stream, "<presence xmlns='jabber:client'/>");
  await front.content(stream, /^<presence /);
  const romeo = await tcpClient('romeo');
  for (const id of ['one', 'two', 'three'])
    romeo.send(`<message to='${juliet}' type='chat' id='${id}'><body>${id}</body></message>`);
  for (const id of ['one', 'two', 'three']) await front.content(stream, new RegExp(`id='${id}'`));
  // Elements so far: features, success, features, bind result, presence, and the three.
  front.say('close', { stream, condition: 'connection-lost', h: 6 });
  await front.operation(stream, 'close');
  const again = name();
  await front.login(again, 'juliet', { address: '192.0.2.11' });
  front.data(again, "<presence xmlns='jabber:client'/>");
  assert.match(await front.content(again, /^<presence /), /presence/);
  await front.content(again, /id='two'/);
  await front.content(again, /id='three'/);
  front.say('close', { stream: again, h: 7 });
  await front.operation(again, 'close');
  await romeo.close();
});

test('§7, §8: a session with XEP-0198 outlives its stream, and goes on over another', async () => {
  const sm = "xmlns='urn:xmpp:sm:3'";
  const stream = name();
  const juliet = await front.login(stream, 'juliet', { address: '192.0.2.15' });
  front.data(stream, `<enable ${sm} resume='true'/>`);
  const enabled = await front.content(stream, /^<enabled/);
  const id = /id='([^']+)'/.exec(enabled)?.[1] ?? '';
  const romeo = await tcpClient('romeo');
  romeo.send(`<message to='${juliet}' type='chat' id='sm1'><body>one</body></message>`);
  await front.content(stream, /id='sm1'/);
  // The front says that it has arrived; but the client has not, and it is the client that counts.
  front.say('close', { stream, condition: 'connection-lost', h: 6 });
  await front.operation(stream, 'close');
  romeo.send(`<message to='${juliet}' type='chat' id='sm2'><body>two</body></message>`);
  await romeo.ping();

  const again = name();
  front.open(again, { address: '192.0.2.15' });
  await front.operation(again, 'opened');
  await front.content(again, /features/);
  const secret = Buffer.from('\0juliet\0secret').toString('base64');
  front.data(again, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`);
  await front.content(again, /^<success/);
  front.say('restart', { stream: again, to: 'localhost', version: '1.0' });
  await front.operation(again, 'opened');
  await front.content(again, /features/);
  front.data(again, `<resume ${sm} previd='${id}' h='0'/>`);
  await front.content(again, /^<resumed/);
  const got: string[] = [];
  while (got.length < 2) {
    const { content } = await front.operation(again, 'data');
    const message = /^<message .*id='(sm\d)'/.exec(content)?.[1];
    if (message !== undefined) got.push(message);
  }
  assert.deepEqual(got, ['sm1', 'sm2'], 'what the client had not acknowledged, and what came meanwhile');
  front.data(again, `<a ${sm} h='2'/>`);
  front.say('close', { stream: again });
  await front.operation(again, 'close');
  await romeo.close();
});

test('§8: a client that left in order, and one that was lost, are unavailable at once', async () => {
  const ends: Record<string, string>[] = [{}, { condition: 'connection-lost' }];
  for (const attributes of ends) {
    const stream = name();
    const juliet = await front.login(stream, 'juliet', { address: '192.0.2.12' });
    const romeo = await tcpClient('romeo');
    front.data(stream, `<presence xmlns='jabber:client' to='${romeo.jid}'/>`);
    await romeo.stanza((one) => one.name === 'presence' && one.from === juliet && one.type === undefined);
    front.say('close', { stream, ...attributes });
    await romeo.stanza((one) => one.name === 'presence' && one.from === juliet && one.type === 'unavailable');
    await romeo.close();
  }
});

test('§9.3: the limit of connections per address counts the clients, not the front', async () => {
  const open = Array.from({ length: 12 }, name);
  for (const stream of open) {
    front.open(stream, { address: '192.0.2.99' });
    await front.operation(stream, 'opened');
  }
  const refused = name();
  front.open(refused, { address: '192.0.2.99' });
  assert.equal((await front.operation(refused, 'close')).attributes.get('condition'), 'resource-constraint');
  front.open(name(), { address: '192.0.2.100' });
  for (const stream of open) {
    front.say('close', { stream });
    await front.operation(stream, 'close');
  }
  const later = name();
  front.open(later, { address: '192.0.2.99' });
  await front.operation(later, 'opened');
});

test('§8.2: when the link is lost its clients leave', async () => {
  const stream = name();
  const juliet = await front.login(stream, 'juliet', { address: '192.0.2.13' });
  const romeo = await tcpClient('romeo');
  front.data(stream, `<presence xmlns='jabber:client' to='${romeo.jid}'/>`);
  await romeo.stanza((one) => one.name === 'presence' && one.from === juliet);
  front.raw.socket.destroy();
  await romeo.stanza((one) => one.name === 'presence' && one.from === juliet && one.type === 'unavailable');
  await romeo.close();
});

test('§8.2: a core that stops tells its clients', async () => {
  const other = await linked();
  const stream = name();
  await other.login(stream, 'juliet', { address: '192.0.2.14' });
  const stopped = core.process.stop();
  await other.content(stream, /<stream:error .*<system-shutdown /);
  await other.operation(stream, 'close');
  other.say('close', { stream });
  await stopped;
});

/** A client over TCP, with TLS, logged in. */
async function tcpClient(user: string) {
  const client = await core.connect();
  await client.open('localhost');
  await client.startTls('localhost');
  await client.authenticate(user, 'secret', 'localhost');
  await client.bind(null);
  return client;
}
