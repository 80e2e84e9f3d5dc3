import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const STREAMS = 'http://etherx.jabber.org/streams';
const OPEN = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${STREAMS}' to='localhost' version='1.0'>`;
let core: CoreUnderTest;
let bystander: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    LIMIT_STANZA_BYTES: '20000',
    LIMIT_STANZA_BYTES_UNAUTHENTICATED: '10000',
  });
  await core.addUsers('romeo', 'juliet');
  bystander = await core.online('juliet');
});
after(() => core.stop());

/** [what, bytes, stream error]: each on a connection of its own, before anything else. */
const headers: readonly (readonly [what: string, sent: string | Buffer, condition: string])[] = [
  ['§4.9.3.10 another stream namespace', OPEN.replace(STREAMS, 'http://wrong.example/'), 'invalid-namespace'],
  [
    '§4.9.3.10 another content namespace',
    OPEN.replace('jabber:client', 'jabber:server'),
    'invalid-namespace',
  ],
  ['§4.9.3.10 no content namespace', OPEN.replace("xmlns='jabber:client'", ''), 'invalid-namespace'],
  [
    '§4.9.3.1 another root',
    `<stream:flood xmlns='jabber:client' xmlns:stream='${STREAMS}' to='localhost' version='1.0'>`,
    'bad-format',
  ],
  [
    '§4.9.3.13 an undeclared prefix',
    "<stream:stream xmlns='jabber:client' to='localhost' version='1.0'>",
    'not-well-formed',
  ],
  ['§4.9.3.25 a version that is none', OPEN.replace("1.0'>", "one'>"), 'unsupported-version'],
  ['§4.9.3.7 no `to`', OPEN.replace("to='localhost'", ''), 'improper-addressing'],
  [
    '§4.9.3.6 a domain that is not ours',
    OPEN.replace("to='localhost'", "to='elsewhere.example'"),
    'host-unknown',
  ],
  ['§4.9.3.6 an address that cannot be', OPEN.replace("to='localhost'", "to='not a domain'"), 'host-unknown'],
  ['§4.9.3.13 not XML', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'not-well-formed'],
  ['§4.9.3.13 a TLS handshake', Buffer.from('160301020001', 'hex'), 'not-well-formed'],
  [
    '§4.9.3.13 an attribute twice',
    OPEN.replace("to='localhost'", "to='localhost' to='localhost'"),
    'not-well-formed',
  ],
  ['§11.1 a comment in front', `<!-- x -->${OPEN}`, 'restricted-xml'],
  ['§11.1 a document type', `<!DOCTYPE stream>${OPEN}`, 'restricted-xml'],
  ['§11.6 UTF-16', Buffer.from(`\ufeff${OPEN}`, 'utf16le'), 'unsupported-encoding'],
  [
    '§11.6 another encoding declared',
    OPEN.replace("'1.0'?>", "'1.0' encoding='ISO-8859-1'?>"),
    'unsupported-encoding',
  ],
];

/** [what, text, stream error]: first-level data of a bound client. */
const bound: readonly (readonly [what: string, sent: string | Buffer, condition: string])[] = [
  ['§4.9.3.13 mismatched tags', '<message><body></message>', 'not-well-formed'],
  ['§11.1 an entity that is not predefined', '<message><body>&nope;</body></message>', 'restricted-xml'],
  ['§4.9.3.13 a bare ampersand', '<message><body>a & b</body></message>', 'not-well-formed'],
  ['§4.9.3.13 an unbound prefix', '<message><x:y/></message>', 'not-well-formed'],
  ['§4.9.3.13 a forbidden character', '<message><body>\u0001</body></message>', 'not-well-formed'],
  ['§4.9.3.13 an unquoted attribute', '<message id=1/>', 'not-well-formed'],
  ['§4.9.3.1 text between stanzas', 'hello', 'bad-format'],
  ['§11.1 a comment', '<message><!-- x --></message>', 'restricted-xml'],
  ['§11.1 a processing instruction', '<?php echo 1 ?>', 'restricted-xml'],
  ['§11.1 a document type with an entity', "<!DOCTYPE x [<!ENTITY a 'b'>]>", 'restricted-xml'],
  [
    '§11.6 bytes that are not UTF-8',
    Buffer.from([0x3c, 0x6d, 0x20, 0x61, 0x3d, 0x22, 0xc3, 0x28, 0x22, 0x2f, 0x3e]),
    'unsupported-encoding',
  ],
  ['§4.9.3.24 an element that is no stanza', "<pubsub xmlns='jabber:client'/>", 'unsupported-stanza-type'],
  [
    '§4.9.3.24 an unknown namespace',
    "<foo xmlns='http://example.org/' to='juliet@localhost'/>",
    'unsupported-stanza-type',
  ],
  [
    '§4.8.3 the content namespace of servers',
    "<message xmlns='jabber:server' to='juliet@localhost'><body/></message>",
    'invalid-namespace',
  ],
  [
    '§4.8.3 the content namespace of components',
    "<message xmlns='jabber:component:accept' to='juliet@localhost'/>",
    'invalid-namespace',
  ],
  [
    '§4.9.3.9 somebody else’s `from`',
    "<message from='juliet@localhost' to='juliet@localhost'><body>x</body></message>",
    'invalid-from',
  ],
  [
    '§4.9.3.9 another resource’s `from`',
    "<message from='romeo@localhost/other' to='juliet@localhost'/>",
    'invalid-from',
  ],
  ['§4.9.3.9 a `from` that is no address', "<message from='@' to='juliet@localhost'/>", 'invalid-from'],
  [
    '§4.9.3.14 a stanza beyond the limit',
    `<message><body>${'x'.repeat(21_000)}</body></message>`,
    'policy-violation',
  ],
  ['§4.9.3.14 nesting beyond the limit', `<message>${'<a>'.repeat(80)}`, 'policy-violation'],
  [
    '§4.9.3.14 attributes beyond the limit',
    `<message ${Array.from({ length: 80 }, (_, i) => `a${i}=''`).join(' ')}/>`,
    'policy-violation',
  ],
];

/** [what, text, stream error]: after the features, before authentication. */
const unauthenticated: readonly (readonly [what: string, sent: string, condition: string])[] = [
  ['§4.9.3.12 a message', "<message to='juliet@localhost'><body>x</body></message>", 'not-authorized'],
  ['§4.9.3.12 presence', '<presence/>', 'not-authorized'],
  ['§4.9.3.12 an IQ', "<iq type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>", 'not-authorized'],
  [
    '§4.3.5 an IQ to somebody else',
    "<iq type='get' id='1' to='juliet@localhost'><query xmlns='jabber:iq:version'/></iq>",
    'not-authorized',
  ],
  [
    '§7.1 binding',
    "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    'not-authorized',
  ],
  ['§4.9.3.12 anything else', "<foo xmlns='http://example.org/'/>", 'not-authorized'],
  [
    '§4.9.3.14 an element beyond the limit before authentication',
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${'A'.repeat(11_000)}</auth>`,
    'policy-violation',
  ],
  [
    '§6 an unknown element of SASL',
    "<foo xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    'unsupported-stanza-type',
  ],
  [
    '§5 an unknown element of STARTTLS',
    "<foo xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    'unsupported-stanza-type',
  ],
];

describe('bad input: the stream error that RFC 6120 asks for, and everybody else is still served', () => {
  for (const [what, sent, condition] of headers) {
    test(`header: ${what}: ${condition}`, async () => {
      const client = await core.connect();
      client.send(sent);
      assert.ok((await client.header()).id);
      await client.expectStreamError(condition);
      await bystander.ping();
    });
  }
  for (const [what, sent, condition] of unauthenticated) {
    test(`unauthenticated: ${what}: ${condition}`, async () => {
      const client = await core.connect();
      await client.open('localhost');
      client.send(sent);
      await client.expectStreamError(condition);
      await bystander.ping();
    });
  }
  for (const [what, sent, condition] of bound) {
    test(`bound: ${what}: ${condition}`, async () => {
      const client = await core.login('romeo', 'bad');
      client.send(sent);
      await client.expectStreamError(condition);
      await bystander.expectNothing();
    });
  }
  test('§4.3.5: who asks the server or his account too early is refused, and may go on', async () => {
    const client = await core.connect();
    await client.open('localhost');
    for (const authenticated of [false, true]) {
      if (authenticated) await client.authenticate('romeo', 'secret', 'localhost');
      for (const to of [undefined, 'localhost']) {
        const answer = await client.iq('get', "<query xmlns='jabber:iq:version'/>", to);
        assert.deepEqual([answer.type, answer.from, answer.to], ['error', to, undefined]);
        assert.ok(answer.source.includes('not-authorized'), answer.source);
        assert.equal(answer.source.includes('jabber:iq:version'), false);
      }
    }
    await client.bind('patient');
    await client.ping();
    await client.close();
  });
  test('unbound: §7.1: after SASL nothing but binding is possible', async () => {
    const client = await core.connect();
    await client.open('localhost');
    await client.authenticate('romeo', 'secret', 'localhost');
    client.send("<message to='juliet@localhost/test'><body>x</body></message>");
    await client.expectStreamError('not-authorized');
    await bystander.expectNothing();
  });
  test('§4.8.5: a prefix on the content namespace is corrected before the stanza goes on', async () => {
    const client = await core.login('romeo', 'prefixed');
    client.send(
      "<c:message xmlns:c='jabber:client' to='juliet@localhost/test'><c:body>x</c:body></c:message>",
    );
    const message = await bystander.element('message');
    assert.match(message.source, /^<message [^>]*><body>x<\/body><\/message>$/);
    await client.close();
  });
  test('the same verdict byte by byte', async () => {
    const client = await core.login('romeo', 'slow');
    for (const byte of Buffer.from("<message to='juliet@localhost'><body>é<!--")) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.expectStreamError('restricted-xml');
    await bystander.expectNothing();
  });
});
