import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type FederatedCore,
  loopbackAddress,
  S2S_TEST_PORT,
  startFederated,
} from '../../tools/federation.js';
import type { RawClient } from '../../tools/raw-client.js';
import { answerHeader, dialbackKey, RawServer } from '../../tools/raw-server.js';

// The peer is the test, in the clear: what our core says as initiating server.
const SECRET = 'for-tests-only';
const OURS = 'capulet.test';
let capulet: FederatedCore;
let peer: RawServer;
let juliet: RawClient;
before(async () => {
  peer = await RawServer.start(loopbackAddress());
  capulet = await startFederated(
    OURS,
    loopbackAddress(),
    { '*': peer.address, 'refused.test': `${loopbackAddress()}:1` },
    {
      XMPP_DOMAINS: `${OURS},other.test`,
      S2S_REQUIRE_TLS: 'false',
      S2S_DIALBACK_SECRET: SECRET,
      S2S_CONNECT_SECONDS: '2',
      S2S_QUEUE_STANZAS: '5',
      S2S_POLICY_EXCEPTIONS: 'spam.test=refuse',
    },
  );
  await capulet.core.addUsers(`juliet@${OURS}`, 'tybalt@other.test');
  juliet = await capulet.core.online('juliet', 'balcony', OURS);
});
after(async () => {
  juliet?.cut();
  await capulet?.core.stop();
  await peer?.stop();
});

function send(to: string, id: string, client = juliet): void {
  client.send(`<message to='${to}' type='chat' id='${id}'><body>${id}</body></message>`);
}

/** The error that came back for the message of this id. */
async function returned(id: string, condition: string, type: string, client = juliet): Promise<void> {
  const stanza = await client.stanza((one) => one.id === id);
  assert.equal(stanza.type, 'error', stanza.source);
  const error = stanza.element.getChild('error');
  assert.ok(error?.getChild(condition), stanza.source);
  assert.equal(error?.attrs['type'], type);
}

/** Accepts the core's stream and its key for this pair of domains. */
async function acceptDialback(
  domain: string,
  id = 'stream-1',
  features?: string,
): Promise<{ stream: RawClient }> {
  const { stream } = await peer.acceptStream(id, features);
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='${OURS}' to='${domain}'>${dialbackKey(SECRET, domain, OURS, id)}</db:result>`,
  );
  stream.send(`<db:result from='${domain}' to='${OURS}' type='valid'/>`);
  return { stream };
}

async function messages(stream: RawClient, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const stanza = await stream.element('message');
    assert.equal(stanza.id, id, stanza.source);
    assert.equal(stanza.namespace, 'jabber:server');
    assert.equal(stanza.from, `juliet@${OURS}/balcony`);
  }
  // a connection that is cut the moment a stanza arrives makes the core send it again: it does not know yet
  await juliet.ping();
}

test('XEP-0220 §2.1.1: nothing is sent before the key is valid, then everything in order', async () => {
  const ids = ['a1', 'a2', 'a3'];
  for (const id of ids) send('romeo@a.test', id);
  const { stream, header } = await peer.acceptStream('D60000229F');
  assert.equal(header.from, OURS);
  assert.equal(header.to, 'a.test');
  assert.equal(header.version, '1.0');
  assert.equal(header.defaultNamespace, 'jabber:server');
  assert.equal(header.prefixes.get('db'), 'jabber:server:dialback');
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='${OURS}' to='a.test'>${dialbackKey(SECRET, 'a.test', OURS, 'D60000229F')}</db:result>`,
  );
  send('romeo@a.test', 'a4');
  // answers for other pairs are not for this one (XEP-0220 §3.1)
  stream.send(`<db:result from='b.test' to='${OURS}' type='valid'/>`);
  stream.send("<db:result from='a.test' to='other.test' type='valid'/>");
  await juliet.ping();
  assert.deepEqual(stream.received, []);
  stream.send(`<db:result from='a.test' to='${OURS}' type='valid'/>`);
  await messages(stream, [...ids, 'a4']);
  send('romeo@a.test', 'a5');
  await messages(stream, ['a5']);
  // the stream is one-way: stanzas from there are refused
  stream.send(`<message from='romeo@a.test' to='juliet@${OURS}'/>`);
  await stream.expectStreamError('not-authorized');
});

test('XEP-0220 §2.1.1, §2.5: invalid and error send everything back', async () => {
  send('romeo@b.test', 'b1');
  const { stream } = await peer.acceptStream('1');
  await stream.element('db:result');
  stream.send(`<db:result from='b.test' to='${OURS}' type='invalid'/>`);
  await returned('b1', 'internal-server-error', 'cancel');
  send('romeo@b.test', 'b2');
  await stream.element('db:result');
  stream.send(
    `<db:result from='b.test' to='${OURS}' type='error'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>`,
  );
  await returned('b2', 'remote-server-timeout', 'wait');
  stream.cut();
});

test('RFC 6120 §8.3.3.16, §8.3.3.17: what cannot be reached', async () => {
  send('romeo@refused.test', 'c1');
  await returned('c1', 'remote-server-timeout', 'wait');
  send('romeo@spam.test', 'c2');
  await returned('c2', 'not-allowed', 'cancel');
  send('romeo@c.test', 'c3');
  const unknown = await peer.accept();
  await unknown.header();
  unknown.send(
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'><stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  );
  await returned('c3', 'remote-server-not-found', 'cancel');
});

test('a peer that never answers costs its senders S2S_CONNECT_SECONDS', async () => {
  send('romeo@silent.test', 'd1');
  const silent = await peer.accept();
  await returned('d1', 'remote-server-timeout', 'wait');
  silent.cut();
  send('romeo@silent2.test', 'd2');
  const { stream } = await peer.acceptStream('1', "<unknown xmlns='urn:unknown'/>");
  // dialback is declared by its namespace in the header (XEP-0220 §2.4.1)
  await stream.element('db:result');
  // §2.1.1: a connection that ends meanwhile is as a dialback error
  stream.cut();
  await returned('d2', 'remote-server-timeout', 'wait');
});

test('the queue is bounded: what does not fit comes back at once', async () => {
  for (let k = 0; k < 7; k++) send('romeo@e.test', `e${k}`);
  const silent = await peer.accept();
  await returned('e5', 'resource-constraint', 'wait');
  await returned('e6', 'resource-constraint', 'wait');
  for (let k = 0; k < 5; k++) await returned(`e${k}`, 'remote-server-timeout', 'wait');
  silent.cut();
});

test('a stream that is lost is opened again for what was not sent', async () => {
  send('romeo@f.test', 'f1');
  const { stream } = await acceptDialback('f.test', 's1');
  await messages(stream, ['f1']);
  stream.cut();
  await juliet.ping();
  send('romeo@f.test', 'f2');
  const { stream: second } = await acceptDialback('f.test', 's2');
  await messages(second, ['f2']);
  second.send('</stream:stream>');
  assert.equal((await second.next()).kind, 'closed', 'ours is closed too');
  send('romeo@f.test', 'f3');
  const { stream: third } = await acceptDialback('f.test', 's3');
  await messages(third, ['f3']);
  third.cut();
});

test('XEP-0220 §2.6.1: another domain of ours shares the stream', async () => {
  const connections = peer.connections;
  send('romeo@g.test', 'g1');
  const { stream } = await acceptDialback('g.test', 's1');
  await messages(stream, ['g1']);
  const tybalt = await capulet.core.online('tybalt', 'street', 'other.test');
  send('romeo@g.test', 'g2', tybalt);
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='other.test' to='g.test'>${dialbackKey(SECRET, 'g.test', 'other.test', 's1')}</db:result>`,
  );
  stream.send("<db:result from='g.test' to='other.test' type='valid'/>");
  assert.equal((await stream.element('message')).from, 'tybalt@other.test/street');
  assert.equal(peer.connections, connections + 1);
  await tybalt.close();
  stream.cut();
});

test('XEP-0220 §2.5: a stream that takes no more of our domains is followed by one of its own, once', async () => {
  send('romeo@full.test', 'f1');
  const { stream } = await acceptDialback('full.test', 's1');
  await messages(stream, ['f1']);
  const tybalt = await capulet.core.online('tybalt', 'street', 'other.test');
  const noPlace =
    "<db:result from='full.test' to='other.test' type='error'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>";
  for (const id of ['f2', 'f3']) {
    send('romeo@full.test', id, tybalt);
    await stream.element('db:result');
    stream.send(noPlace);
    const { stream: own } = await peer.acceptStream(`own-${id}`);
    assert.equal((await own.element('db:result')).from, 'other.test');
    // the first time there is no place on the new one either
    own.send(id === 'f2' ? noPlace : "<db:result from='full.test' to='other.test' type='valid'/>");
    if (id === 'f2') await returned(id, 'remote-server-timeout', 'wait', tybalt);
    else assert.equal((await own.element('message')).id, id);
    await tybalt.ping();
    own.cut();
  }
  await tybalt.close();
  stream.cut();
});

test('XEP-0288: a stream that we open carries stanzas both ways where the peer offers it', async () => {
  send('romeo@h.test', 'h1');
  const { stream } = await peer.acceptStream(
    's1',
    "<bidi xmlns='urn:xmpp:features:bidi'/><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>",
  );
  await stream.expect("<bidi xmlns='urn:xmpp:bidi'/>");
  await stream.element('db:result');
  stream.send(`<db:result from='h.test' to='${OURS}' type='valid'/>`);
  await messages(stream, ['h1']);
  stream.send(
    `<message from='romeo@h.test/x' to='juliet@${OURS}/balcony' id='back'><body>x</body></message>`,
  );
  assert.equal((await juliet.stanza((one) => one.id === 'back')).from, 'romeo@h.test/x');
  // §2.2: more of its domains by dialback over the same stream, verified over another
  stream.send(`<db:result from='rooms.h.test' to='${OURS}'>k</db:result>`);
  const { stream: authoritative, verify } = await peer.answerVerify('valid');
  assert.equal(verify.attribute('id'), 's1');
  await stream.expect(
    `<db:result xmlns:db='jabber:server:dialback' from='${OURS}' to='rooms.h.test' type='valid'/>`,
  );
  stream.send(
    `<message from='hall@rooms.h.test' to='juliet@${OURS}/balcony' id='room'><body>x</body></message>`,
  );
  await juliet.stanza((one) => one.id === 'room');
  // and it cannot speak for others
  stream.send(`<message from='x@a.test' to='juliet@${OURS}/balcony'/>`);
  await stream.expectStreamError('invalid-from');
  authoritative.cut();
});

test('XEP-0288: a stream that the peer opens carries ours too, and none is opened', async () => {
  const { stream } = await RawServer.openTo(capulet, 'i.test');
  stream.send("<bidi xmlns='urn:xmpp:bidi'/>");
  // nothing of ours before it is authenticated
  stream.send(`<db:result from='i.test' to='${OURS}'>k</db:result>`);
  const { stream: authoritative } = await peer.answerVerify('valid');
  await stream.element('db:result');
  const connections = peer.connections;
  send('romeo@i.test', 'i1');
  await messages(stream, ['i1']);
  stream.send(`<iq type='get' id='p' from='x@i.test/r' to='${OURS}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await stream.expect(`<iq type='result' id='p' from='${OURS}' to='x@i.test/r'/>`);
  assert.equal(peer.connections, connections);
  stream.cut();
  authoritative.cut();
});

test('a server from before XMPP 1.0: no features, dialback at once', async () => {
  send('romeo@k.test', 'k1');
  const stream = await peer.accept();
  await answerHeader(stream, 'old', null);
  await stream.element('db:result');
  stream.send(`<db:result from='k.test' to='${OURS}' type='valid'/>`);
  await messages(stream, ['k1']);
  stream.cut();
});

test('RFC 7622 §4: however a client writes an address, another domain gets it mapped', async () => {
  send('Romeo@Mapped.TEST./Hof', 'm1');
  send('anna@xn--bcher-kva.test', 'm2');
  for (const to of ['romeo@mapped.test/Hof', 'anna@bücher.test']) {
    const { stream } = await acceptDialback(to.replace(/^.*@|\/.*$/g, ''));
    assert.equal((await stream.element('message')).to, to);
    stream.cut();
  }
});

test('RFC 6121 §4.6: directed presence that cannot be delivered comes back as an error', async () => {
  juliet.send("<presence to='romeo@refused.test'/>");
  const error = await juliet.stanza((one) => one.name === 'presence' && one.type === 'error');
  assert.equal(error.fromJid?.bare, 'romeo@refused.test', error.source);
});

test('RFC 6120 §4.4: what comes while we close an idle stream is taken, what is to be sent takes a new one', async () => {
  const idle = await startFederated(
    'idle.test',
    loopbackAddress(),
    { '*': peer.address },
    { S2S_REQUIRE_TLS: 'false', S2S_IDLE_SECONDS: '1' },
  );
  try {
    await idle.core.addUsers('paris@idle.test');
    const paris = await idle.core.online('paris', 'x', 'idle.test');
    const bidi = "<bidi xmlns='urn:xmpp:features:bidi'/><dialback xmlns='urn:xmpp:features:dialback'/>";
    const open = async () => {
      const { stream } = await peer.acceptStream('s', bidi);
      await stream.element('bidi');
      await stream.element('db:result');
      stream.send("<db:result from='l.test' to='idle.test' type='valid'/>");
      return stream;
    };
    send('romeo@l.test', 'l1', paris);
    const first = await open();
    assert.equal((await first.element('message')).id, 'l1');
    assert.equal((await first.next()).kind, 'closed');
    first.send("<message from='romeo@l.test' to='paris@idle.test/x' id='late'><body>x</body></message>");
    await paris.stanza((one) => one.id === 'late');
    // our tag is out, the peer's is not: a stanza on the old stream would be lost
    send('romeo@l.test', 'l2', paris);
    const second = await open();
    assert.equal((await second.element('message')).id, 'l2');
    first.send('</stream:stream>');
    assert.equal((await first.next()).kind, 'lost');
    second.cut();
  } finally {
    await idle.core.stop();
  }
});

test('RFC 6120 §4.9.3.19: we go where we are sent, for the same domain, but not for ever', async () => {
  const other = await RawServer.start(loopbackAddress());
  const redirect = async (server: RawServer, host: string) => {
    const stream = await server.accept();
    const header = await stream.header();
    assert.equal(header.to, 'm.test');
    stream.send(
      "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>" +
        `<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>${host}</see-other-host></stream:error></stream:stream>`,
    );
  };
  send('romeo@m.test', 'm1');
  await redirect(peer, `${other.address}:${S2S_TEST_PORT}`);
  const { stream } = await other.acceptStream('s');
  await stream.element('db:result');
  stream.send(`<db:result from='m.test' to='${OURS}' type='valid'/>`);
  await messages(stream, ['m1']);
  stream.cut();
  await juliet.ping();
  send('romeo@m.test', 'm2');
  for (let k = 0; k < 4; k++) await redirect(peer, `${peer.address}:${S2S_TEST_PORT}`);
  await returned('m2', 'remote-server-timeout', 'wait');
  await other.stop();
});

test('XEP-0198: a stanza that waits for another server is not acknowledged until it is sent or returned', async () => {
  const nurse = await capulet.core.login('juliet', 'nurse', OURS);
  nurse.send("<enable xmlns='urn:xmpp:sm:3'/>");
  await nurse.element('enabled');
  const handled = async () => {
    nurse.send("<r xmlns='urn:xmpp:sm:3'/>");
    return (await nurse.stanza((one) => one.name === 'a')).attribute('h');
  };
  send('romeo@n.test', 'n1', nurse);
  const silent = await peer.accept();
  assert.equal(await handled(), '0');
  await returned('n1', 'remote-server-timeout', 'wait', nurse);
  assert.equal(await handled(), '1');
  silent.cut();
  send('romeo@o.test', 'o1', nurse);
  const { stream } = await peer.acceptStream('s');
  await stream.element('db:result');
  assert.equal(await handled(), '1');
  stream.send(`<db:result from='o.test' to='${OURS}' type='valid'/>`);
  assert.equal((await stream.element('message')).id, 'o1');
  const end = performance.now() + 5000;
  while ((await handled()) !== '2') assert.ok(performance.now() < end);
  stream.cut();
  await nurse.close();
});
