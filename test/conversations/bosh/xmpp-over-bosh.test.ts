import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Attributes, BoshClient, httpBind, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { features } from '../../tools/scripted-upstream.js';

// XEP-0206.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 30, polling: 0 });
});
after(() => bosh.stop());

const session = (attributes: Attributes = {}) => bosh.session({ wait: 0, ...attributes });

test('SASL elements travel both ways untouched', async () => {
  const { client, stream } = await session({ wait: 10 });
  const auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biws</auth>";
  const answer = client.send({}, auth);
  await stream.until(() => stream.sent.length === 1);
  assert.equal(stream.sent[0], auth);
  const challenge = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0=</challenge>";
  stream.say(challenge);
  assert.equal((await answer).text, `<body xmlns='${httpBind}'>${challenge}</body>`);
});

test('a restart reaches the server with its attributes, and the features come back', async () => {
  const { client, stream } = await session({ wait: 10 });
  const answer = client.send({ to: 'example.com', 'xml:lang': 'fr', 'xmpp:restart': 'true' });
  await stream.until(() => stream.restarts.length === 1);
  assert.equal(stream.restarts[0]?.to, 'example.com');
  assert.equal(stream.restarts[0]?.lang, 'fr');
  assert.equal(stream.restarts[0]?.version, '1.0', 'as at the beginning: a restart request does not say it');
  stream.opened({ id: 's2' });
  stream.say(features);
  const { body, text } = await answer;
  assert.equal(body.attrs['xmlns:stream'], 'http://etherx.jabber.org/streams');
  assert.match(text, /<stream:features/);
});

test('both spellings of true restart, false does not', async () => {
  const { client, stream } = await session();
  await client.send({ 'xmpp:restart': '1' });
  assert.equal(stream.restarts.length, 1);
  await client.send({ 'xmpp:restart': 'false' });
  await client.send({ 'xmpp:restart': '0' });
  assert.equal(stream.restarts.length, 1);
});

test('a restart is known by its namespace, whatever the prefix', async () => {
  const { client, stream } = await session();
  const text = client.text().replaceAll('xmlns:xmpp=', 'xmlns:x=').replace('/>', " x:restart='true'/>");
  await post(bosh.port, text);
  assert.equal(stream.restarts.length, 1);
  await client.send({ 'xmpp:restart': undefined, restart: 'true' });
  assert.equal(stream.restarts.length, 1, 'an attribute without the namespace is another one');
});

test('a stanza in the body of a restart request is ignored', async () => {
  const { client, stream } = await session();
  await client.send({ 'xmpp:restart': 'true' }, "<presence xmlns='jabber:client'/>");
  assert.deepEqual(stream.sent, ['restart']);
});

test('stanzas without a namespace are taken for jabber:client, with all that is in them', async () => {
  const { client, stream } = await session();
  await client.send({}, "<message to='a@example.com'><body>hi</body><x xmlns='urn:x'/></message>");
  assert.equal(
    stream.sent[0],
    "<message xmlns='jabber:client' to='a@example.com'><body>hi</body><x xmlns='urn:x'/></message>",
  );
  await client.send({}, `<message to='a@example.com' xmlns="${httpBind}"><body>hi</body></message>`);
  assert.match(
    stream.sent[1] ?? '',
    /^<message xmlns='jabber:client' to='a@example.com'><body>hi<\/body><\/message>$/,
  );
});

test('other elements keep the namespace they have', async () => {
  const { client, stream } = await session();
  await client.send({}, "<r xmlns='urn:xmpp:sm:3'/><inactive xmlns='urn:xmpp:csi:0'/>");
  assert.deepEqual(stream.sent, ["<r xmlns='urn:xmpp:sm:3'/>", "<inactive xmlns='urn:xmpp:csi:0'/>"]);
});

test('prefixes declared on the body travel with the stanzas that use them', async () => {
  const { client, stream } = await session();
  const payload = "<message xmlns='jabber:client' id='p'><y:thing y:a='1'/></message>";
  const text = client.text({}, payload).replace('<body ', "<body xmlns:y='urn:y' ");
  await post(bosh.port, text);
  assert.match(stream.sent[0] ?? '', /xmlns:y=['"]urn:y['"]/);
  assert.match(stream.sent[0] ?? '', /<y:thing y:a='1'\/>/);
});

test('features and stanzas come in the order in which the server sent them', async () => {
  bosh.upstream.automatic = false;
  const client = new BoshClient(bosh.port);
  const before = bosh.upstream.streams.length;
  const answer = client.create();
  while (bosh.upstream.streams.length === before) await new Promise(setImmediate);
  bosh.upstream.last.opened();
  bosh.upstream.last.say(features);
  const { body } = await answer;
  assert.equal(body.getChildElements()[0]?.getName(), 'features');
  bosh.upstream.automatic = true;
});
