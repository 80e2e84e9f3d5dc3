import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FederatedCore, loopbackAddress, startFederated } from '../../tools/federation.js';
import type { RawClient } from '../../tools/raw-client.js';
import { dialbackKey, RawServer, sendHeader } from '../../tools/raw-server.js';

// The peer is the test, in the clear: what our core says as receiving and as authoritative server.
const SECRET = 'for-tests-only';
const PEER = 'capulet.test';
let montague: FederatedCore;
let peer: RawServer;
before(async () => {
  peer = await RawServer.start(loopbackAddress());
  montague = await startFederated(
    'montague.test',
    loopbackAddress(),
    { '*': peer.address, 'unreachable.test': `${loopbackAddress()}:1` },
    {
      S2S_REQUIRE_TLS: 'false',
      S2S_DIALBACK_SECRET: SECRET,
      S2S_POLICY_EXCEPTIONS: 'bank.test=strict,spam.test=refuse',
    },
  );
  await montague.core.addUsers('romeo@montague.test');
});
after(async () => {
  await montague?.core.stop();
  await peer?.stop();
});

const error = (condition: string) =>
  `<error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;

/** A stream on which the peer has proved that it is `from`, and the one on which the core asked. */
async function authenticated(from = PEER): Promise<{ stream: RawClient; verified: RawClient }> {
  const { stream } = await RawServer.openTo(montague, from);
  stream.send(`<db:result from='${from}' to='montague.test'>key</db:result>`);
  const { stream: verified } = await peer.answerVerify('valid');
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='montague.test' to='${from}' type='valid'/>`,
  );
  return { stream, verified };
}

/** The core has said nothing but what follows from this request. */
async function nothingSaid(stream: RawClient): Promise<void> {
  stream.send(`<db:verify from='${PEER}' to='elsewhere.test' id='barrier'>x</db:verify>`);
  assert.equal((await stream.element('db:verify')).attribute('id'), 'barrier');
}

test('RFC 6120 §4.7, §4.9.3: headers that are refused', async () => {
  const cases: [string, string][] = [
    ["to='elsewhere.test' from='capulet.test' version='1.0'", 'host-unknown'],
    ["from='capulet.test' version='1.0'", 'improper-addressing'],
    ["to='montague.test' from='a b' version='1.0'", 'improper-addressing'],
    ["to='montague.test' from='montague.test' version='1.0'", 'invalid-from'],
    ["to='montague.test' from='spam.test' version='1.0'", 'policy-violation'],
    ["to='montague.test' from='capulet.test' version='one'", 'unsupported-version'],
  ];
  for (const [attributes, condition] of cases) {
    const stream = await montague.core.connect('s2s');
    stream.send(
      `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' ${attributes}>`,
    );
    const { from } = await stream.header();
    // §4.9.1.3: an address of ours, or none
    assert.equal(from, attributes.includes("to='montague.test'") ? 'montague.test' : '', attributes);
    await stream.expectStreamError(condition);
  }
  const client = await montague.core.connect('s2s');
  client.send(
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='montague.test' version='1.0'>",
  );
  await client.header();
  await client.expectStreamError('invalid-namespace');
});

test('XEP-0220 §2.4, XEP-0288 §2.1: what is offered in the clear where TLS is not required', async () => {
  const { stream, features } = await RawServer.openTo(montague, PEER);
  assert.equal(
    features.source.replace(/ xmlns:(stream|db)='[^']*'| xmlns='jabber:server'/g, ''),
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls><bidi xmlns='urn:xmpp:features:bidi'/><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>",
  );
  stream.cut();
});

test('RFC 6120 §4.9.3.12: a stanza before any authentication', async () => {
  const { stream } = await RawServer.openTo(montague, PEER);
  stream.send("<message from='a@capulet.test' to='romeo@montague.test'/>");
  await stream.expectStreamError('not-authorized');
});

test('RFC 6120 §4.9.1.1: a stream error ends the stream, even where its sender leaves it open', async () => {
  const { stream, verified } = await authenticated();
  stream.send(
    "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error><message from='a@capulet.test' to='romeo@montague.test'/>",
  );
  assert.equal((await stream.next()).kind, 'closed');
  stream.cut();
  verified.cut();
});

test('XEP-0220 §2.1.2: the key is verified with the authoritative server, as the example has it', async () => {
  const { stream, id } = await RawServer.openTo(montague, PEER);
  stream.send(`<db:result from='${PEER}' to='montague.test'>\n  the-key\n</db:result>`);
  const { stream: authoritative, header } = await peer.acceptStream('auth-1');
  assert.equal(header.from, 'montague.test');
  assert.equal(header.to, PEER);
  assert.ok([...header.prefixes.values()].includes('jabber:server:dialback'));
  await authoritative.expect(
    `<db:verify xmlns:db='jabber:server:dialback' from='montague.test' to='${PEER}' id='${id}'>the-key</db:verify>`,
  );
  // another key's answer is nobody's business
  authoritative.send(`<db:verify from='${PEER}' to='montague.test' id='other' type='valid'/>`);
  authoritative.send(`<db:verify from='evil.test' to='montague.test' id='${id}' type='valid'/>`);
  await nothingSaid(stream);
  authoritative.send(`<db:verify from='${PEER}' to='montague.test' id='${id}' type='valid'/>`);
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='montague.test' to='${PEER}' type='valid'/>`,
  );
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  stream.send(
    `<message from='juliet@${PEER}/b' to='romeo@montague.test/orchard' id='m'><body>x</body></message>`,
  );
  await romeo.expect(
    `<message from='juliet@${PEER}/b' to='romeo@montague.test/orchard' id='m'><body>x</body></message>`,
  );
  await romeo.close();
  stream.cut();
  authoritative.cut();
});

test('RFC 6120 §8.1.1.2, §8.1.2.2: a peer that lies, or does not say, is cut', async () => {
  const cases: [string, string][] = [
    ["<message from='juliet@verona.test' to='romeo@montague.test'/>", 'invalid-from'],
    ["<message from='juliet@sub.capulet.test' to='romeo@montague.test'/>", 'invalid-from'],
    ["<message from='romeo@montague.test' to='romeo@montague.test'/>", 'invalid-from'],
    ["<message to='romeo@montague.test'/>", 'improper-addressing'],
    ["<message from='juliet@capulet.test'/>", 'improper-addressing'],
    ["<message from='juliet@capulet.test' to=''/>", 'improper-addressing'],
    ["<message from='@capulet.test' to='romeo@montague.test'/>", 'improper-addressing'],
    ["<message from='juliet@capulet.test' to='somebody@elsewhere.test'/>", 'host-unknown'],
    [
      "<message xmlns='jabber:client' from='juliet@capulet.test' to='romeo@montague.test'/>",
      'invalid-namespace',
    ],
    [
      "<strange xmlns='urn:strange' from='juliet@capulet.test' to='romeo@montague.test'/>",
      'unsupported-stanza-type',
    ],
  ];
  const { verified, stream: first } = await authenticated();
  first.cut();
  for (const [stanza, condition] of cases) {
    const { stream } = await RawServer.openTo(montague, PEER);
    stream.send(`<db:result from='${PEER}' to='montague.test'>k</db:result>`);
    // the stream to the authoritative server is used again
    const verify = await verified.element('db:verify');
    verified.send(
      `<db:verify from='${PEER}' to='montague.test' id='${verify.attribute('id')}' type='valid'/>`,
    );
    await stream.element('db:result');
    stream.send(stanza);
    await stream.expectStreamError(condition);
  }
  verified.cut();
});

test('XEP-0220 §2.2.1: an invalid key ends the stream, or, beside a valid pair, is forbidden', async () => {
  const { stream } = await RawServer.openTo(montague, 'evil.test');
  stream.send("<db:result from='evil.test' to='montague.test'>k</db:result>");
  const { stream: authoritative } = await peer.answerVerify('invalid');
  await stream.expect(
    "<db:result xmlns:db='jabber:server:dialback' from='montague.test' to='evil.test' type='invalid'/>",
  );
  assert.equal((await stream.next()).kind, 'closed');
  authoritative.cut();

  const { stream: good, verified } = await authenticated();
  good.send("<db:result from='evil.test' to='montague.test'>k</db:result>");
  const { stream: again } = await peer.answerVerify('invalid');
  await good.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='montague.test' to='evil.test' type='error'>${error('forbidden')}</db:result>`,
  );
  good.send(`<iq type='get' id='p' from='x@${PEER}' to='montague.test'><ping xmlns='urn:xmpp:ping'/></iq>`);
  // the answer takes a stream of ours: dialback the other way
  const asked = await verified.element('db:result');
  assert.equal(asked.from, 'montague.test');
  for (const one of [good, verified, again]) one.cut();
});

test('XEP-0220 §2.5: the error for each way in which verification can fail', async () => {
  const { stream } = await RawServer.openTo(montague, PEER);
  const refused = async (from: string, condition: string, to = 'montague.test') =>
    stream.expect(
      `<db:result xmlns:db='jabber:server:dialback' from='${to}' to='${from}' type='error'>${error(condition)}</db:result>`,
    );
  stream.send("<db:result from='capulet.test' to='elsewhere.test'>k</db:result>");
  await refused(PEER, 'item-not-found', 'elsewhere.test');
  stream.send("<db:result from='montague.test' to='montague.test'>k</db:result>");
  await refused('montague.test', 'not-acceptable');
  stream.send("<db:result from='bank.test' to='montague.test'>k</db:result>");
  await refused('bank.test', 'not-authorized');
  stream.send("<db:result from='spam.test' to='montague.test'>k</db:result>");
  await refused('spam.test', 'not-authorized');
  stream.send("<db:result from='unreachable.test' to='montague.test'>k</db:result>");
  await refused('unreachable.test', 'remote-connection-failed');
  // the authoritative server does not know the domain
  stream.send("<db:result from='a.test' to='montague.test'>k</db:result>");
  const { stream: unknown } = await peer.acceptStream('x');
  const verify = await unknown.element('db:verify');
  unknown.send(
    `<db:verify from='a.test' to='montague.test' id='${verify.attribute('id')}' type='error'>${error('item-not-found')}</db:verify>`,
  );
  await refused('a.test', 'remote-server-not-found');
  // it says so on the stream
  stream.send("<db:result from='b.test' to='montague.test'>k</db:result>");
  const hostUnknown = await peer.accept();
  await hostUnknown.header();
  hostUnknown.send(
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'><stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  );
  await refused('b.test', 'remote-server-not-found');
  // it ends the stream without an answer
  stream.send("<db:result from='c.test' to='montague.test'>k</db:result>");
  const { stream: silent } = await peer.acceptStream('y');
  await silent.element('db:verify');
  silent.send('</stream:stream>');
  await refused('c.test', 'remote-server-timeout');
  stream.cut();
  unknown.cut();
});

test('XEP-0220 §3.1: unsolicited answers change nothing', async () => {
  const { stream, id } = await RawServer.openTo(montague, PEER);
  stream.send(`<db:result from='${PEER}' to='montague.test' type='valid'/>`);
  stream.send(`<db:verify from='${PEER}' to='montague.test' id='${id}' type='valid'/>`);
  stream.send(`<message from='juliet@${PEER}' to='romeo@montague.test'/>`);
  await stream.expectStreamError('not-authorized');
});

test('XEP-0220 §2.2.2: as the authoritative server', async () => {
  const { stream } = await RawServer.openTo(montague, PEER);
  const key = dialbackKey(SECRET, PEER, 'montague.test', 'their-stream');
  const ask = (to: string, id: string, text: string) =>
    stream.send(`<db:verify from='${PEER}' to='${to}' id='${id}'>${text}</db:verify>`);
  const answer = (type: string, id = 'their-stream') =>
    `<db:verify xmlns:db='jabber:server:dialback' from='montague.test' to='${PEER}' id='${id}' type='${type}'/>`;
  ask('montague.test', 'their-stream', key);
  await stream.expect(answer('valid'));
  ask('montague.test', 'another', key);
  await stream.expect(answer('invalid', 'another'));
  ask('montague.test', 'their-stream', 'x');
  await stream.expect(answer('invalid'));
  ask('elsewhere.test', 'their-stream', key);
  await stream.expect(
    `<db:verify xmlns:db='jabber:server:dialback' from='elsewhere.test' to='${PEER}' id='their-stream' type='error'>${error('item-not-found')}</db:verify>`,
  );
  stream.send(`<db:verify from='${PEER}' to='montague.test'>x</db:verify>`);
  await stream.expectStreamError('bad-format');
});

test('XEP-0220 §2.6.1: more sender domains on one stream, each verified by itself', async () => {
  const { stream, verified } = await authenticated();
  stream.send("<db:result from='rooms.capulet.test' to='montague.test'>k</db:result>");
  const { stream: other } = await peer.answerVerify('valid');
  await stream.element('db:result');
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  for (const from of ['juliet@capulet.test', 'hall@rooms.capulet.test']) {
    stream.send(
      `<message from='${from}' to='romeo@montague.test/orchard' id='${from}'><body>x</body></message>`,
    );
    assert.equal((await romeo.element('message')).from, from);
  }
  await romeo.close();
  for (const one of [stream, verified, other]) one.cut();
});

test('a server from before XMPP 1.0: no version, no features, dialback', async () => {
  const stream = await montague.core.connect('s2s');
  sendHeader(stream, 'montague.test', PEER, '');
  const header = await stream.header();
  assert.equal(header.version, undefined);
  stream.send(`<db:result from='${PEER}' to='montague.test'>k</db:result>`);
  const { stream: verified } = await peer.answerVerify('valid');
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='montague.test' to='${PEER}' type='valid'/>`,
  );
  stream.cut();
  verified.cut();
});

test('RFC 6120 §11: broken XML from a server is its stream error', async () => {
  const { stream } = await RawServer.openTo(montague, PEER);
  stream.send('<message><!-- no --></message>');
  await stream.expectStreamError('restricted-xml');
});

test('RFC 7622 §4, RFC 6120 §8.1.5: what comes is passed on with mapped addresses, in the language of its stream', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  const stream = await montague.core.connect('s2s');
  sendHeader(stream, 'montague.test', 'bücher.test', "version='1.0' xml:lang='de'");
  await stream.header();
  await stream.element('features');
  stream.send("<db:result from='bücher.test' to='montague.test'>k</db:result>");
  const { stream: verified } = await peer.answerVerify('valid');
  await stream.element('db:result');
  const body = '<body>Hallo</body>';
  stream.send(
    `<message id='1' from='ANNA@xn--bcher-kva.test./Hof' to='Romeo@Montague.TEST/orchard'>${body}</message>` +
      `<message id='2' xml:lang='cs' from='anna@bücher.test/Hof' to='romeo@montague.test/orchard'>${body}</message>`,
  );
  for (const [id, lang] of [
    ['1', 'de'],
    ['2', 'cs'],
  ] as const)
    await romeo.expect(
      `<message id='${id}' xml:lang='${lang}' from='anna@bücher.test/Hof' to='romeo@montague.test/orchard'>${body}</message>`,
    );
  for (const one of [stream, verified, romeo]) one.cut();
});

test('RFC 6121 §8.5.3.1: the occupants of a room elsewhere that a client has entered share its presence', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  const { stream } = await RawServer.openTo(montague, 'rooms.test');
  stream.send("<bidi xmlns='urn:xmpp:bidi'/><db:result from='rooms.test' to='montague.test'>k</db:result>");
  const { stream: verified } = await peer.answerVerify('valid');
  await stream.element('db:result');
  romeo.send("<presence to='hall@rooms.test/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
  await stream.element('presence');
  const ask = (from: string) =>
    stream.send(
      `<iq type='get' id='v' from='${from}' to='${romeo.jid}'><query xmlns='jabber:iq:version'/></iq>`,
    );
  for (const from of ['hall@rooms.test/juliet', 'hall@rooms.test']) {
    ask(from);
    assert.equal((await romeo.stanza((one) => one.name === 'iq' && one.type === 'get')).from, from);
  }
  for (const from of ['cellar@rooms.test/juliet', 'rooms.test']) {
    ask(from);
    assert.equal((await stream.element('iq')).type, 'error');
  }
  await romeo.close();
  assert.equal((await stream.element('presence')).type, 'unavailable');
  for (const one of [stream, verified]) one.cut();
});

test('RFC 6121 §3, §4.3 across servers: probes of strangers, a subscription, probes of a subscriber', async () => {
  const { stream } = await RawServer.openTo(montague, 'presence.test');
  // one stream for both directions shows the order of everything (XEP-0288)
  stream.send(
    "<bidi xmlns='urn:xmpp:bidi'/><db:result from='presence.test' to='montague.test'>k</db:result>",
  );
  const { stream: verified } = await peer.answerVerify('valid');
  await stream.element('db:result');
  const juliet = 'juliet@presence.test';
  const probe = (to: string) => stream.send(`<presence type='probe' id='p' from='${juliet}' to='${to}'/>`);
  for (const who of ['romeo@montague.test', 'nobody@montague.test']) {
    probe(who);
    await stream.expect(`<presence type='unsubscribed' id='p' from='${who}' to='${juliet}'/>`);
  }
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  stream.send(`<presence type='subscribe' id='s' from='${juliet}' to='romeo@montague.test'/>`);
  await romeo.expect(`<presence type='subscribe' id='s' from='${juliet}' to='romeo@montague.test'/>`);
  romeo.send(`<presence type='subscribed' to='${juliet}'/>`);
  await stream.expect(`<presence type='subscribed' from='romeo@montague.test' to='${juliet}'/>`);
  const shown = await stream.element('presence');
  assert.equal(shown.from, romeo.jid);
  assert.equal(shown.type, undefined);
  probe('romeo@montague.test');
  assert.equal((await stream.element('presence')).from, romeo.jid);
  // §3.1.3 rule 2: who missed the approval has missed the presence behind it
  stream.send(`<presence type='subscribe' id='again' from='${juliet}' to='romeo@montague.test'/>`);
  await stream.expect(`<presence type='subscribed' id='again' from='romeo@montague.test' to='${juliet}'/>`);
  assert.equal((await stream.element('presence')).from, romeo.jid);
  stream.send(`<presence from='${juliet}/b' to='romeo@montague.test/orchard'><show>away</show></presence>`);
  await romeo.stanza((one) => one.from === `${juliet}/b`);
  await romeo.close();
  const gone = await stream.element('presence');
  assert.equal(gone.type, 'unavailable');
  assert.equal(gone.from, romeo.jid);
  stream.send(`<presence type='unsubscribe' from='${juliet}' to='romeo@montague.test'/>`);
  const answers = [await stream.element('presence')];
  while (answers.at(-1)?.type === 'unavailable') answers.push(await stream.element('presence'));
  assert.equal(answers.at(-1)?.type, 'unsubscribed');
  probe('romeo@montague.test');
  await stream.expect(`<presence type='unsubscribed' id='p' from='romeo@montague.test' to='${juliet}'/>`);
  stream.cut();
  verified.cut();
});
