import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ PASSWORD_STORAGE: 'plain', C2S_TLS_PORT: 'auto', SASL_TRIES: '3' });
  await core.addUsers('bill');
});
after(() => core.stop());

/** A stream as before XMPP 1.0: no version, and so no features. */
async function openOld(client: RawClient): Promise<string> {
  client.send(
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>",
  );
  const header = await client.header();
  assert.equal(header.version, undefined, 'RFC 6120 §4.7.5: no version for a peer that sent none');
  return header.id ?? '';
}

const query = (content: string) => `<query xmlns='jabber:iq:auth'>${content}</query>`;

test('XEP-0078 §3.1: the fields, the same for users that do not exist; no features without a version', async () => {
  const client = await core.connect();
  await openOld(client);
  client.send(`<iq type='get' to='localhost' id='auth1'>${query('')}</iq>`);
  await client.expect(
    `<iq type='result' id='auth1'>${query('<username/><password/><digest/><resource/>')}</iq>`,
  );
  for (const [id, name] of [
    ['a', 'bill'],
    ['b', 'nobody'],
  ]) {
    client.send(`<iq type='get' id='${id}'>${query(`<username>${name}</username>`)}</iq>`);
    await client.expect(
      `<iq type='result' id='${id}'>${query(`<username>${name}</username><password/><digest/><resource/>`)}</iq>`,
    );
  }
  client.cut();
});

test('XEP-0078 §3.1: plain text and digest log in and bind the resource', async () => {
  const plain = await core.connect();
  await openOld(plain);
  plain.send(
    `<iq type='set' id='auth2'>${query('<username>bill</username><password>secret</password><resource>globe</resource>')}</iq>`,
  );
  await plain.expect("<iq type='result' id='auth2'/>");
  const digested = await core.connect();
  const id = await openOld(digested);
  const digest = createHash('sha1').update(`${id}secret`).digest('hex');
  digested.send(
    `<iq type='set' id='auth3'>${query(`<username>bill</username><digest>${digest}</digest><resource>rose</resource>`)}</iq>`,
  );
  await digested.expect("<iq type='result' id='auth3'/>");
  plain.send("<message to='bill@localhost/rose' id='m1'><body>from the globe</body></message>");
  await digested.expect(
    "<message from='bill@localhost/globe' to='bill@localhost/rose' id='m1'><body>from the globe</body></message>",
  );
  await plain.close();
  await digested.close();
});

test('XEP-0078 §3.1: each failure, with old codes and new conditions, without the credentials', async () => {
  const client = await core.connect();
  await openOld(client);
  const cases: [string, string, string][] = [
    ['<username>bill</username><password>secret</password>', '406', 'not-acceptable'],
    ['<resource>r</resource><password>secret</password>', '406', 'not-acceptable'],
    ['<username>bill</username><resource>r</resource>', '406', 'not-acceptable'],
    ['<username>bill</username><password>wrong</password><resource>r</resource>', '401', 'not-authorized'],
    ['<username>nobody</username><password>x</password><resource>r</resource>', '401', 'not-authorized'],
  ];
  for (const [content, code, condition] of cases) {
    client.send(`<iq type='set' id='f'>${query(content)}</iq>`);
    const type = condition === 'not-authorized' ? 'auth' : 'modify';
    await client.expect(
      `<iq type='error' id='f'><error code='${code}' type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
  }
  // the third failed attempt is the last
  client.send(
    `<iq type='set' id='f'>${query('<username>bill</username><password>w</password><resource>r</resource>')}</iq>`,
  );
  assert.equal((await client.element('iq')).type, 'error');
  await client.expectStreamError('policy-violation');
});

test('XEP-0078 §3: offered as a stream feature; refused after SASL has failed', async () => {
  const client = await core.connect();
  const features = await client.open('localhost');
  assert.ok(features.hasChild('auth', 'http://jabber.org/features/iq-auth'), features.source);
  const message = Buffer.from('\0bill\0wrong').toString('base64');
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${message}</auth>`);
  await client.element('failure');
  client.send(
    `<iq type='set' id='x'>${query('<username>bill</username><password>secret</password><resource>r</resource>')}</iq>`,
  );
  await client.expectStreamError('policy-violation');
});

test('XEP-0078: after SASL there is nothing to authenticate', async () => {
  const client = await core.connect();
  await client.open('localhost');
  const features = await client.authenticate('bill', 'secret', 'localhost');
  assert.ok(!features.hasChild('auth', 'http://jabber.org/features/iq-auth'));
  const answer = await client.iq('get', query(''));
  assert.ok(answer.source.includes('<service-unavailable'), answer.source);
  client.cut();
});

test('XEP-0078 §3.1: a resource in use follows the policy for binding', async () => {
  const refusing = await CoreUnderTest.start({ RESOURCE_CONFLICT: 'refuse' });
  try {
    await refusing.addUsers('bill');
    const first = await refusing.online('bill', 'globe');
    const second = await refusing.connect();
    await openOld(second);
    second.send(`<iq type='get' id='g'>${query('')}</iq>`);
    // verifiers of SCRAM cannot check a digest: it is not offered
    await second.expect(`<iq type='result' id='g'>${query('<username/><password/><resource/>')}</iq>`);
    const log = query('<username>bill</username><password>secret</password><resource>globe</resource>');
    second.send(`<iq type='set' id='c'>${log}</iq>`);
    await second.expect(
      "<iq type='error' id='c'><error code='409' type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
    second.send(`<iq type='set' id='d'>${log.replace('globe', 'rose')}</iq>`);
    await second.expect("<iq type='result' id='d'/>");
    await first.close();
    await second.close();
  } finally {
    await refusing.stop();
  }
});

test('RFC 7590: with TLS required it works on direct TLS only', async () => {
  const strict = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true', C2S_TLS_PORT: 'auto' });
  try {
    await strict.addUsers('bill');
    const plain = await strict.connect();
    await openOld(plain);
    plain.send(`<iq type='get' id='g'>${query('')}</iq>`);
    assert.ok((await plain.element('iq')).source.includes('<service-unavailable'));
    plain.cut();
    const { host, port } = strict.address('c2s-tls');
    const secure = await RawClient.connectTls({ host, port, ALPNProtocols: ['xmpp-client'] });
    await openOld(secure);
    secure.send(
      `<iq type='set' id='s'>${query('<username>bill</username><password>secret</password><resource>r</resource>')}</iq>`,
    );
    await secure.expect("<iq type='result' id='s'/>");
    await secure.close();
  } finally {
    await strict.stop();
  }
});
