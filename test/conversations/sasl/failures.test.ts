import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';
import { ScramClient } from '../../tools/sasl.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const auth = (mechanism: string | null, text = '') =>
  `<auth xmlns='${SASL}'${mechanism === null ? '' : ` mechanism='${mechanism}'`}>${text}</auth>`;
const response = (text = '') => `<response xmlns='${SASL}'>${text}</response>`;
const ABORT = `<abort xmlns='${SASL}'/>`;

let core: CoreUnderTest;

before(async () => {
  core = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true', SASL_DIGEST_MD5: 'true', SASL_TRIES: '3' });
  await core.addUsers('juliet', 'disabled', 'expired');
  await core.control('user.disable', { jid: 'disabled@localhost' });
  await core.control('user.expire', { jid: 'expired@localhost' });
});
after(() => core.stop());

async function secured(t: {
  after(done: () => void): void;
}): Promise<{ client: RawClient; features: Stanza }> {
  const client = await core.connect();
  t.after(() => client.cut());
  await client.open('localhost');
  return { client, features: await client.startTls('localhost') };
}

async function expectFailure(client: RawClient, condition: string): Promise<void> {
  const failure = await client.element('failure');
  assert.equal(failure.namespace, SASL);
  assert.ok(failure.hasChild(condition, SASL), `${condition}: ${failure.source}`);
}

test('before TLS no mechanism is offered and none is taken', async (t) => {
  const client = await core.connect();
  t.after(() => client.cut());
  const features = await client.open('localhost');
  assert.ok(!features.hasChild('mechanisms', SASL), features.source);
  assert.ok(!features.hasChild('sasl-channel-binding', 'urn:xmpp:sasl-cb:0'));
  client.send(auth('PLAIN', base64('\0juliet\0secret')));
  await expectFailure(client, 'encryption-required');
});

test('what is offered over TLS 1.3, in order, with its channel bindings', async (t) => {
  const { features } = await secured(t);
  const names = features.element
    .getChild('mechanisms', SASL)
    ?.getChildren('mechanism')
    .map((each) => each.getText());
  assert.deepEqual(names, [
    'SCRAM-SHA-256-PLUS',
    'SCRAM-SHA-1-PLUS',
    'SCRAM-SHA-256',
    'SCRAM-SHA-1',
    'DIGEST-MD5',
    'PLAIN',
  ]);
  const types = features.element
    .getChild('sasl-channel-binding', 'urn:xmpp:sasl-cb:0')
    ?.getChildren('channel-binding')
    .map((each) => String(each.attrs['type']));
  assert.deepEqual(types, ['tls-exporter', 'tls-server-end-point']);
});

/** What is sent, and the condition of the failure that answers the last of it. */
const TABLE: readonly [string, readonly string[], string][] = [
  ['no mechanism', [auth(null)], 'invalid-mechanism'],
  ['an unknown mechanism', [auth('CRAM-MD5')], 'invalid-mechanism'],
  ['a mechanism that is not offered', [auth('EXTERNAL', '=')], 'invalid-mechanism'],
  ['bad base64', [auth('PLAIN', 'AA=A')], 'incorrect-encoding'],
  ['base64 with white space', [auth('PLAIN', ` ${base64('\0juliet\0secret')}`)], 'incorrect-encoding'],
  ['bad base64 in a response', [auth('PLAIN'), response('!')], 'incorrect-encoding'],
  ['an equals sign in a response', [auth('PLAIN'), response('=')], 'incorrect-encoding'],
  ['an empty initial response', [auth('PLAIN', '=')], 'malformed-request'],
  ['a message that is none', [auth('PLAIN', base64('juliet'))], 'malformed-request'],
  ['a response to nothing', [response(base64('x'))], 'malformed-request'],
  ['an abort of nothing', [ABORT], 'aborted'],
  ['an abort', [auth('PLAIN'), ABORT], 'aborted'],
  ['an abort after the challenge', [auth('SCRAM-SHA-1', base64('n,,n=juliet,r=abc')), ABORT], 'aborted'],
  ['a wrong password', [auth('PLAIN', base64('\0juliet\0wrong'))], 'not-authorized'],
  ['an unknown user', [auth('PLAIN', base64('\0nobody\0secret'))], 'not-authorized'],
  ['a disabled account', [auth('PLAIN', base64('\0disabled\0secret'))], 'account-disabled'],
  ['an expired password', [auth('PLAIN', base64('\0expired\0secret'))], 'credentials-expired'],
  ['another identity', [auth('PLAIN', base64('romeo@localhost\0juliet\0secret'))], 'invalid-authzid'],
  [
    'a full JID as identity',
    [auth('PLAIN', base64('juliet@localhost/x\0juliet\0secret'))],
    'invalid-authzid',
  ],
  ['a hidden offer', [auth('SCRAM-SHA-256', base64('y,,n=juliet,r=abc'))], 'not-authorized'],
  ['an unsupported binding', [auth('SCRAM-SHA-256-PLUS', base64('p=x,,n=juliet,r=abc'))], 'not-authorized'],
  ['a mandatory extension', [auth('SCRAM-SHA-256', base64('n,,m=x,n=juliet,r=abc'))], 'malformed-request'],
];

test('each failure of RFC 6120 §6.5 over the wire; the stream goes on after it', async (t) => {
  for (const [name, sent, condition] of TABLE) {
    const { client } = await secured(t);
    for (const [index, text] of sent.entries()) {
      client.send(text);
      if (index < sent.length - 1) await client.element('challenge');
    }
    await expectFailure(client, condition).catch((error: unknown) => {
      throw new Error(name, { cause: error });
    });
    await client.authenticate('juliet', 'secret', 'localhost');
    client.cut();
  }
});

test('absent and given initial responses, with data of success in its place', async (t) => {
  for (const [mechanism, hash] of [
    ['SCRAM-SHA-256', 'SHA-256'],
    ['SCRAM-SHA-1', 'SHA-1'],
  ] as const) {
    for (const withInitial of [true, false]) {
      const { client } = await secured(t);
      const scram = new ScramClient({ username: 'juliet', password: 'secret', hash });
      if (withInitial) client.send(auth(mechanism, base64(scram.first())));
      else {
        client.send(auth(mechanism));
        assert.equal((await client.element('challenge')).element.getText(), '');
        client.send(response(base64(scram.first())));
      }
      const challenge = (await client.element('challenge')).element.getText();
      client.send(response(base64(scram.final(Buffer.from(challenge, 'base64').toString()))));
      const success = await client.element('success');
      assert.equal(success.element.getText(), base64(scram.expectedServerFinal));
      const features = await client.open('localhost');
      assert.ok(!features.hasChild('mechanisms', SASL), 'authenticated once is enough');
      client.cut();
    }
  }
});

test('a PLUS log-in over STARTTLS, bound to what the client exports', async (t) => {
  const { client } = await secured(t);
  const binding = client.exportKeyingMaterial();
  for (const [bytes, outcome] of [
    [Buffer.alloc(32), 'failure'],
    [binding, 'success'],
  ] as const) {
    const scram = new ScramClient({
      username: 'juliet',
      password: 'secret',
      gs2: 'p=tls-exporter,,',
      binding: bytes,
    });
    client.send(auth('SCRAM-SHA-256-PLUS', base64(scram.first())));
    const challenge = (await client.element('challenge')).element.getText();
    client.send(response(base64(scram.final(Buffer.from(challenge, 'base64').toString()))));
    await client.element(outcome);
  }
});

test('on TLS 1.2 PLUS has the default binding, tls-unique (RFC 5802 §6.1)', async (t) => {
  const client = await core.connect();
  t.after(() => client.cut());
  await client.open('localhost');
  const features = await client.startTls('localhost', { maxVersion: 'TLSv1.2' });
  assert.ok(features.source.includes("type='tls-unique'"), features.source);
  const scram = new ScramClient({
    username: 'juliet',
    password: 'secret',
    gs2: 'p=tls-unique,,',
    binding: client.finished(),
  });
  client.send(auth('SCRAM-SHA-256-PLUS', base64(scram.first())));
  const challenge = (await client.element('challenge')).element.getText();
  client.send(response(base64(scram.final(Buffer.from(challenge, 'base64').toString()))));
  await client.element('success');
});

test('the tries of a stream are limited', async (t) => {
  const { client } = await secured(t);
  for (let count = 0; count < 3; count += 1) {
    client.send(auth('PLAIN', base64('\0juliet\0wrong')));
    await expectFailure(client, 'not-authorized');
  }
  await client.expectStreamError('policy-violation');
});

test('a failed log-in is logged with address and name, never with what was sent', async (t) => {
  const { client } = await secured(t);
  client.send(auth('PLAIN', base64('\0juliet\0hunter2')));
  await expectFailure(client, 'not-authorized');
  await client.authenticate('juliet', 'secret', 'localhost');
  const line = core.process.output
    .split('\n')
    .findLast((each) => each.includes('c2s.login-failed') && each.includes('juliet@localhost'));
  assert.ok(line);
  assert.equal(JSON.parse(line).address, '127.0.0.1');
  for (const secret of ['hunter2', base64('\0juliet\0hunter2')])
    assert.ok(!core.process.output.includes(secret));
});

test('RFC 6120 §6.4.2: another <auth/> discards the exchange that goes on; not without end (§6.4.5)', async (t) => {
  const { client } = await secured(t);
  const begun = new ScramClient({ username: 'juliet', password: 'secret', hash: 'SHA-1' });
  client.send(auth('SCRAM-SHA-1', base64(begun.first())));
  await client.element('challenge');
  client.send(auth('PLAIN', base64('\0juliet\0secret')));
  assert.equal((await client.element()).name, 'success');

  const { client: endless } = await secured(t);
  for (let tries = 0; tries < 3; tries++) {
    endless.send(auth('SCRAM-SHA-1', base64(begun.first())));
    await endless.element('challenge');
  }
  endless.send(auth('SCRAM-SHA-1', base64(begun.first())));
  await endless.expectStreamError('policy-violation');
});

test('RFC 6120 §6.5.3: a new password ends the expiry', async (t) => {
  await core.control('user.passwd', { jid: 'expired@localhost', password: 'new' });
  const { client } = await secured(t);
  await client.authenticate('expired', 'new', 'localhost');
});
