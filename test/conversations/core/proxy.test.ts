import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({
    C2S_PROXIES: '127.0.0.0/8',
    C2S_TLS_PORT: 'auto',
    BANNED_ADDRESSES: '198.51.100.0/24',
    REGISTRATION: 'open',
    REGISTRATIONS_PER_ADDRESS: '2',
  });
  await core.addUsers('romeo');
});
after(() => core?.stop());

const header = (address: string): string => `PROXY TCP4 ${address} 203.0.113.1 40000 5222\r\n`;

test('a client behind a proxy is known by its own address', async () => {
  const client = await core.connect();
  client.send(header('203.0.113.77'));
  await client.login('romeo', 'secret', 'localhost', 'a');
  const wrong = await core.connect();
  wrong.send(header('203.0.113.78'));
  await wrong.open('localhost');
  wrong.send(
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from('\0romeo\0x').toString('base64')}</auth>`,
  );
  assert.equal((await wrong.element()).name, 'failure');
  await core.process.said(/"c2s\.login-failed","address":"203\.0\.113\.78"/);
  wrong.cut();
  await client.close();
});

test('with TLS from the first byte, the header comes before it', async () => {
  const { host, port } = core.address('c2s-tls');
  const plain = connect({ host, port });
  plain.write(header('203.0.113.79'));
  const secure = connectTls({ socket: plain, rejectUnauthorized: false, servername: 'localhost' });
  secure.write(
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
  );
  let text = '';
  await new Promise<void>((resolve, reject) => {
    secure.on('error', reject);
    secure.on('close', () => reject(new Error(`closed after: ${text}`)));
    secure.on('data', (chunk) => {
      text += chunk;
      if (text.includes('</stream:features>')) resolve();
    });
  });
  secure.removeAllListeners('close');
  secure.destroy();
});

for (const [what, first] of [
  ['a banned address', header('198.51.100.7')],
  ['a proxy that does not say for whom it speaks', "<?xml version='1.0'?><stream:stream "],
] as const) {
  test(`${what} is hung up on`, async () => {
    const { host, port } = core.address();
    const client = await RawClient.connect(host, port);
    client.send(first);
    assert.equal((await client.next()).kind, 'lost');
  });
}

test('XEP-0077 §9: one address may make so many accounts in an hour', async () => {
  const register = async (address: string, name: string): Promise<string> => {
    const client = await core.connect();
    client.send(header(address));
    await client.open('localhost');
    const answer = await client.iq(
      'set',
      `<query xmlns='jabber:iq:register'><username>${name}</username><password>x</password></query>`,
    );
    client.cut();
    return answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);
  };
  assert.deepEqual(
    [
      await register('203.0.113.80', 'one'),
      await register('203.0.113.80', 'two'),
      await register('203.0.113.80', 'three'),
      await register('203.0.113.81', 'three'),
    ],
    ['result', 'result', 'resource-constraint', 'result'],
  );
});
