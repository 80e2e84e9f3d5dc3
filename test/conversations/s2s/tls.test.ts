import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import {
  type FederatedCore,
  loopbackAddress,
  S2S_TEST_PORT,
  startFederated,
} from '../../tools/federation.js';
import { sleep } from '../../tools/flood.js';
import { RawClient } from '../../tools/raw-client.js';
import { answerHeader, RawServer, sendHeader, startTlsFrom, startTlsTo } from '../../tools/raw-server.js';

const OURS = 'montague.test';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const DIALBACK = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
const EXTERNAL = `<mechanisms xmlns='${SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>`;

const authority = testCertificate(['Test Authority'], { authority: true });
/** Authorities that nobody trusts, one with the name of ours. */
const stranger = testCertificate(['Unknown Authority'], { authority: true });
const impostor = testCertificate(['Test Authority'], { authority: true });
/** A certificate that is shown with that of its issuer. */
function withChain(more: NonNullable<Parameters<typeof testCertificate>[1]>): CertificatePair {
  const pair = testCertificate(['capulet.test'], more);
  return { ...pair, certificate: `${pair.certificate}${more.issuer?.certificate ?? ''}` };
}
const signed = (names: readonly string[], more: Parameters<typeof testCertificate>[1] = {}) =>
  testCertificate(names, { issuer: authority, ...more });

let folder: string;
let montague: FederatedCore;
let peer: RawServer;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 's2s-tls-'));
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  const files = writePair(join(folder, 'core'), signed([OURS]));
  peer = await RawServer.start(loopbackAddress());
  montague = await startFederated(
    OURS,
    loopbackAddress(),
    { '*': peer.address },
    {
      XMPP_DOMAINS: `${OURS},uncovered.test`,
      S2S_CA: `only:${join(folder, 'ca.pem')}`,
      S2S_TLS_PORT: 'auto',
      S2S_POLICY_EXCEPTIONS: 'bank.test=strict,bank2.test=strict',
      TLS_CERT: files.cert,
      TLS_KEY: files.key,
    },
  );
  await montague.core.addUsers(`romeo@${OURS}`, 'mercutio@uncovered.test');
});
after(async () => {
  await montague?.core.stop();
  await peer?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const encoded = (text: string) => Buffer.from(text).toString('base64');
const auth = (text: string) => `<auth xmlns='${SASL}' mechanism='EXTERNAL'>${text}</auth>`;

/** A stream inside TLS, with the features that follow. */
async function secured(from: string, pair?: CertificatePair) {
  const { stream, features: before } = await RawServer.openTo(montague, from);
  const features = await startTlsTo(stream, OURS, from, pair);
  return { stream, before, features };
}

const offersExternal = (features: { source: string }) => features.source.includes('EXTERNAL');

test('RFC 6120 §5.3.1: TLS is required, and nothing else is offered before it', async () => {
  const { stream, features } = await RawServer.openTo(montague, 'capulet.test');
  assert.deepEqual(
    features.children().map(({ name }) => name),
    ['starttls'],
  );
  assert.ok(features.source.includes('<required/>'));
  stream.send(`<db:result from='capulet.test' to='${OURS}'>k</db:result>`);
  assert.ok((await stream.element('db:result')).source.includes('<policy-violation'));
  stream.send(`<db:verify from='capulet.test' to='${OURS}' id='1'>k</db:verify>`);
  assert.ok((await stream.element('db:verify')).source.includes('<policy-violation'));
  stream.send(auth(encoded('capulet.test')));
  assert.ok((await stream.element('failure')).source.includes('<encryption-required'));
  stream.cut();
});

test('RFC 6120 §5.4.3.1 rule 4: without SNI the certificate follows the to of the stream', async (t) => {
  const many = await startFederated(
    'first.test',
    loopbackAddress(),
    {},
    { XMPP_DOMAINS: 'first.test,second.test' },
  );
  t.after(() => many.core.stop());
  for (const to of ['first.test', 'second.test']) {
    const { stream } = await RawServer.openTo(many, 'capulet.test', { to });
    await startTlsTo(stream, to, 'capulet.test', undefined, '');
    assert.match((stream.socket as TLSSocket).getPeerX509Certificate()?.subjectAltName ?? '', new RegExp(to));
    stream.cut();
  }
});

test('RFC 6120 §13.7.2, RFC 6125: which certificates prove which domain', async () => {
  const cases: [string, CertificatePair | undefined, boolean][] = [
    ['capulet.test', signed(['capulet.test']), true],
    ['capulet.test', signed(['Capulet.TEST']), true],
    ['chat.capulet.test', signed(['*.capulet.test']), true],
    ['a.chat.capulet.test', signed(['*.capulet.test']), false],
    ['capulet.test', signed(['*.capulet.test']), false],
    ['capulet.test', signed(['xmpp.test'], { serviceNames: ['_xmpp-server.capulet.test'] }), true],
    ['capulet.test', signed(['xmpp.test'], { serviceNames: ['_xmpp-client.capulet.test'] }), false],
    ['capulet.test', signed(['xmpp.test'], { xmppAddresses: ['capulet.test'] }), true],
    ['capulet.test', signed(['xmpp.test'], { xmppAddresses: ['juliet@capulet.test'] }), false],
    ['capulet.test', signed(['verona.test']), false],
    // public authorities no longer issue certificates for clients
    ['capulet.test', signed(['capulet.test'], { serverOnly: true }), true],
    ['capulet.test', testCertificate(['capulet.test'], { serverOnly: true }), false],
    ['capulet.test', testCertificate(['capulet.test'], { serverOnly: true, issuer: stranger }), false],
    ['capulet.test', withChain({ serverOnly: true, issuer: stranger }), false],
    ['capulet.test', withChain({ serverOnly: true, issuer: impostor }), false],
    ['capulet.test', signed(['verona.test'], { serverOnly: true }), false],
    [
      'capulet.test',
      signed(['capulet.test'], { serverOnly: true, notAfter: new Date(Date.now() - 1000) }),
      false,
    ],
    ['capulet.test', testCertificate(['capulet.test']), false],
    ['capulet.test', signed(['capulet.test'], { notAfter: new Date(Date.now() - 1000) }), false],
    ['capulet.test', undefined, false],
    ['xn--bcher-kva.test', signed(['xn--bcher-kva.test']), true],
    ['bücher.test', signed(['xn--bcher-kva.test']), true],
  ];
  for (const [index, [domain, pair, proves]] of cases.entries()) {
    const { stream, features } = await secured(domain, pair);
    assert.equal(offersExternal(features), proves, `case ${index}, ${domain}`);
    stream.send(auth(encoded(domain)));
    assert.equal((await stream.element()).name, proves ? 'success' : 'failure', `case ${index}`);
    stream.cut();
  }
});

test('XEP-0178 §3: EXTERNAL, the new stream, stanzas; only for the authenticated addresses', async () => {
  const { stream, features } = await secured('capulet.test', signed(['capulet.test']));
  assert.ok(features.hasChild('bidi', 'urn:xmpp:features:bidi'));
  assert.ok(features.hasChild('dialback', 'urn:xmpp:features:dialback'));
  assert.ok(!features.hasChild('starttls', 'urn:ietf:params:xml:ns:xmpp-tls'));
  stream.send(auth('='));
  await stream.expect(`<success xmlns='${SASL}'/>`);
  stream.expectRestart();
  sendHeader(stream, OURS, 'capulet.test');
  await stream.header();
  assert.ok(!offersExternal(await stream.element('features')));
  const romeo = await montague.core.online('romeo', 'orchard', OURS);
  stream.send(
    `<message from='juliet@capulet.test' to='romeo@${OURS}/orchard' id='m'><body>x</body></message>`,
  );
  assert.equal((await romeo.element('message')).from, 'juliet@capulet.test');
  await romeo.close();
  // XEP-0220 §1.3: the certificate is as good as a key, also for another domain of ours on the same stream
  stream.send("<db:result from='capulet.test' to='uncovered.test'>k</db:result>");
  await stream.expect(
    "<db:result xmlns:db='jabber:server:dialback' from='uncovered.test' to='capulet.test' type='valid'/>",
  );
  stream.send(`<message from='juliet@verona.test' to='romeo@${OURS}/orchard'/>`);
  await stream.expectStreamError('invalid-from');
});

test('RFC 6120 §6.4.6: the stream after SASL is of the addresses that were authenticated', async () => {
  const { stream } = await secured('capulet.test', signed(['capulet.test', 'verona.test']));
  stream.send(auth(encoded('capulet.test')));
  await stream.element('success');
  stream.expectRestart();
  sendHeader(stream, OURS, 'verona.test');
  await stream.header();
  await stream.expectStreamError('invalid-from');
});

test('RFC 6120 §4.7.1: a server that leaves itself unnamed after SASL is who was authenticated', async () => {
  const { stream } = await secured('capulet.test', signed(['capulet.test']));
  stream.send(auth(encoded('capulet.test')));
  await stream.element('success');
  stream.expectRestart();
  sendHeader(stream, OURS, null);
  assert.equal((await stream.header()).to, undefined);
  await stream.element('features');
  stream.send("<db:result from='capulet.test' to='uncovered.test'>k</db:result>");
  assert.equal((await stream.element('result')).type, 'valid');
  stream.send(`<message from='juliet@verona.test' to='romeo@${OURS}'/>`);
  await stream.expectStreamError('invalid-from');
});

test('RFC 6120 §6.5: each failure of EXTERNAL, then dialback on the same stream', async () => {
  const { stream } = await secured('capulet.test', signed(['capulet.test']));
  const refused = async (text: string, condition: string) => {
    stream.send(text);
    await stream.expect(`<failure xmlns='${SASL}'><${condition}/></failure>`);
  };
  // §13.9.1: the padding bits are not zero
  await refused(auth('AB=='), 'incorrect-encoding');
  await refused(auth(encoded('verona.test')), 'invalid-authzid');
  stream.send(`<auth xmlns='${SASL}' mechanism='PLAIN'>=</auth>`);
  await stream.expect(`<failure xmlns='${SASL}'><invalid-mechanism/></failure>`);
  await stream.expectStreamError('policy-violation');

  const { stream: second } = await secured('capulet.test', testCertificate(['capulet.test']));
  second.send(auth('='));
  await second.expect(`<failure xmlns='${SASL}'><not-authorized/></failure>`);
  second.send(`<db:result from='capulet.test' to='${OURS}'>k</db:result>`);
  const authoritative = await acceptSecured(testCertificate(['capulet.test']), DIALBACK);
  const verify = await authoritative.element('db:verify');
  authoritative.send(
    `<db:verify from='capulet.test' to='${OURS}' id='${verify.attribute('id')}' type='valid'/>`,
  );
  assert.equal((await second.element('db:result')).type, 'valid');
  for (const one of [second, authoritative]) one.cut();
});

test('RFC 6120 §13.7.2.3: a stream ends with the certificate that vouches for it', async () => {
  const short = signed(['brief.test'], { notAfter: new Date(Date.now() + 4000) });
  const { stream } = await secured('brief.test', short);
  stream.send(`<db:result from='brief.test' to='${OURS}'>k</db:result>`);
  assert.equal((await stream.element('db:result')).type, 'valid');
  await stream.expectStreamError('reset');
});

test('RFC 4422 §3.3: EXTERNAL without an initial response, and aborted', async () => {
  const { stream } = await secured('capulet.test', signed(['capulet.test']));
  stream.send(`<auth xmlns='${SASL}' mechanism='EXTERNAL'/>`);
  await stream.expect(`<challenge xmlns='${SASL}'/>`);
  stream.send(`<abort xmlns='${SASL}'/>`);
  await stream.expect(`<failure xmlns='${SASL}'><aborted/></failure>`);
  stream.send(`<auth xmlns='${SASL}' mechanism='EXTERNAL'/>`);
  await stream.expect(`<challenge xmlns='${SASL}'/>`);
  stream.send(`<response xmlns='${SASL}'/>`);
  await stream.expect(`<success xmlns='${SASL}'/>`);
  stream.cut();
});

test('S2S_POLICY strict: dialback does for nobody without a valid certificate', async () => {
  const { stream } = await secured('bank.test', testCertificate(['bank.test']));
  stream.send(`<db:result from='bank.test' to='${OURS}'>k</db:result>`);
  assert.ok((await stream.element('db:result')).source.includes('<not-authorized'));
  stream.cut();
  const { stream: good } = await secured('bank.test', signed(['bank.test']));
  good.send(`<db:result from='bank.test' to='${OURS}'>k</db:result>`);
  assert.equal((await good.element('db:result')).type, 'valid', 'without dialing back');
  good.cut();
});

/** Accepts a stream of the core, inside TLS, up to its second header and these features. */
async function acceptSecured(pair: CertificatePair, features: string): Promise<RawClient> {
  const { stream } = await peer.acceptStream(
    'p',
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>",
  );
  await startTlsFrom(stream, pair);
  await answerHeader(stream, 's', features);
  return stream;
}

test('XEP-0178 §3: we authenticate with our certificate where that is offered', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', OURS);
  romeo.send("<message to='juliet@bank.test' id='m1'><body>x</body></message>");
  const stream = await acceptSecured(signed(['bank.test']), EXTERNAL + DIALBACK);
  const socket = stream.socket as TLSSocket;
  assert.equal(socket.servername, 'bank.test', 'SNI is the domain');
  assert.equal(socket.getPeerX509Certificate()?.subject, `CN=${OURS}`);
  await stream.expect(auth(encoded(OURS)));
  stream.send(`<success xmlns='${SASL}'/>`);
  stream.expectRestart();
  const header = await answerHeader(stream, 'after', '');
  assert.equal(header.from, OURS);
  assert.equal((await stream.element('message')).id, 'm1');
  await romeo.ping();
  // whom we called is no stranger: what is long is not cut into records of less than a kilobyte
  const records: number[] = [];
  socket.on('data', (bytes: Buffer) => records.push(bytes.length));
  romeo.send(`<message to='juliet@bank.test' id='long'><x xmlns='x'>${'<y/>'.repeat(1000)}</x></message>`);
  assert.equal((await stream.element('message')).id, 'long');
  assert.ok(Math.max(...records) > 4000, records.join(' '));
  stream.cut();
  // strict: a server without a valid certificate gets nothing, not even a key
  romeo.send("<message to='juliet@bank2.test' id='m2'><body>x</body></message>");
  const { stream: bad } = await peer.acceptStream('p', "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  await startTlsFrom(bad, signed(['elsewhere.test']));
  await answerHeader(bad, 's', EXTERNAL + DIALBACK);
  assert.equal((await bad.next()).kind, 'closed');
  const error = await romeo.stanza((one) => one.id === 'm2');
  assert.ok(error.source.includes('<remote-server-timeout'), error.source);
  bad.cut();
  await romeo.close();
});

test('EXTERNAL refused: dialback on the same stream, or on a new one where the peer ends it', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', OURS);
  for (const [domain, ends] of [
    ['picky.test', false],
    ['pickier.test', true],
  ] as const) {
    romeo.send(`<message to='juliet@${domain}' id='m'><body>x</body></message>`);
    let stream = await acceptSecured(testCertificate([domain]), EXTERNAL + DIALBACK);
    await stream.element('auth');
    stream.send(`<failure xmlns='${SASL}'><not-authorized/></failure>${ends ? '</stream:stream>' : ''}`);
    if (ends) stream = await acceptSecured(testCertificate([domain]), EXTERNAL + DIALBACK);
    await stream.element('db:result');
    stream.send(`<db:result from='${domain}' to='${OURS}' type='valid'/>`);
    assert.equal((await stream.element('message')).id, 'm');
    await romeo.ping();
    stream.cut();
  }
  await romeo.close();
});

test('a domain of ours that no certificate covers goes by dialback', async () => {
  const mercutio = await montague.core.online('mercutio', 'street', 'uncovered.test');
  mercutio.send("<message to='juliet@capulet.test' id='m'><body>x</body></message>");
  const stream = await acceptSecured(signed(['capulet.test']), EXTERNAL + DIALBACK);
  await stream.element('db:result');
  stream.send("<db:result from='capulet.test' to='uncovered.test' type='valid'/>");
  assert.equal((await stream.element('message')).from, 'mercutio@uncovered.test/street');
  await mercutio.ping();
  stream.cut();
  await mercutio.close();
});

test('a server without TLS is not talked to', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', OURS);
  romeo.send("<message to='juliet@plain.test' id='m'><body>x</body></message>");
  const { stream } = await peer.acceptStream('p', DIALBACK);
  assert.equal((await stream.next()).kind, 'closed');
  assert.ok((await romeo.stanza((one) => one.id === 'm')).source.includes('<remote-server-timeout'));
  stream.cut();
  await romeo.close();
});

test('RFC 6120 §5.4.3.1: what comes in the clear after <proceed/> is not read', async () => {
  const { stream } = await RawServer.openTo(montague, 'capulet.test');
  stream.send(
    `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result from='capulet.test' to='${OURS}'>k</db:result>`,
  );
  await stream.element('proceed');
  assert.equal((await stream.next()).kind, 'lost');
});

test('XEP-0368: TLS from the first byte, both ways', async () => {
  const { host, port } = montague.core.address('s2s-tls');
  const pair = signed(['capulet.test']);
  const incoming = await RawClient.connectTls({
    host,
    port,
    servername: OURS,
    ALPNProtocols: ['xmpp-server'],
    cert: pair.certificate,
    key: pair.key,
  });
  assert.equal((incoming.socket as TLSSocket).alpnProtocol, 'xmpp-server');
  sendHeader(incoming, OURS, 'capulet.test');
  await incoming.header();
  assert.ok(offersExternal(await incoming.element('features')));
  incoming.cut();

  const address = loopbackAddress();
  const server = createTlsServer({
    cert: pair.certificate,
    key: pair.key,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['xmpp-server'],
  });
  const accepted = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
  await new Promise<void>((resolve) => server.listen(S2S_TEST_PORT, address, resolve));
  const other = await startFederated('verona.test', loopbackAddress(), {
    'capulet.test': `tls://${address}:${S2S_TEST_PORT}`,
  });
  try {
    await other.core.addUsers('prince@verona.test');
    const prince = await other.core.online('prince', 'x', 'verona.test');
    prince.send("<message to='juliet@capulet.test' id='m'><body>x</body></message>");
    const socket = await accepted;
    assert.equal(socket.alpnProtocol, 'xmpp-server');
    assert.equal(socket.servername, 'capulet.test');
    const stream = RawClient.over(socket);
    await answerHeader(stream, 's', DIALBACK);
    await stream.element('db:result');
    stream.cut();
    await prince.close();
  } finally {
    await other.core.stop();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('who resets a connection and is back at once from the same port is answered', async () => {
  const address = montague.core.address('s2s-tls');
  const { pid } = montague.core.process.child;
  assert.ok(pid !== undefined);
  // in which order the core sees the end of the one and the beginning of the other is not ours to say
  for (let round = 0; round < 8; round++) {
    // an address of its own: nobody else takes the port meanwhile
    const first = connectTcp({ ...address, localAddress: '127.77.0.1' });
    await once(first, 'connect');
    const { localAddress, localPort } = first;
    process.kill(pid, 'SIGSTOP');
    let second: Socket;
    try {
      first.resetAndDestroy();
      second = await reconnected({ ...address, localAddress, localPort });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const stream = await RawClient.connectTls({ socket: second, ALPNProtocols: ['xmpp-server'] });
    sendHeader(stream, OURS, 'capulet.test');
    await stream.header();
    stream.cut();
  }
});

/** A connection from a port whose last one may still be in use for a moment. */
async function reconnected(options: TcpNetConnectOpts): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = connectTcp(options);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(10);
    }
  }
}
