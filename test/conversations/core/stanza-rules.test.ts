import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
let romeo: RawClient;
let juliet: RawClient;
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
  romeo = await core.online('romeo', 'orchard');
  juliet = await core.online('juliet', 'balcony');
});
after(() => core.stop());

describe('stanzas (RFC 6120 §8, §10)', () => {
  test('§8.1.2.1: `from` is stamped with the full JID, whether it was said fully, barely or not at all', async () => {
    for (const from of [
      '',
      " from='romeo@localhost'",
      " from='romeo@localhost/orchard'",
      " from='ROMEO@LocalHost/orchard'",
    ]) {
      romeo.send(`<message${from} to='juliet@localhost/balcony' id='f'><body>x</body></message>`);
      assert.equal((await juliet.element('message')).from, 'romeo@localhost/orchard', from);
    }
  });

  test('§8.1.1: a `to` that is no address is jid-malformed, whatever the stanza', async () => {
    for (const to of [
      '@localhost',
      'a@b@',
      'x y@localhost',
      'juliet@localhost/',
      '',
      'juliet@-',
      `${'a'.repeat(1024)}@localhost`,
    ]) {
      for (const stanza of [
        `<message to='${to}' id='j'><body>x</body></message>`,
        `<presence to='${to}' id='j'/>`,
        `<iq to='${to}' type='get' id='j'><ping xmlns='urn:xmpp:ping'/></iq>`,
      ]) {
        romeo.send(stanza);
        const error = await romeo.element();
        assert.deepEqual([error.type, error.id], ['error', 'j'], stanza.slice(0, 60));
        assert.equal(error.from, to === '' ? undefined : to, '§8.3.3.8: echoed');
        assert.equal(StanzaError.fromStanza(error).condition, 'jid-malformed');
        assert.equal(StanzaError.fromStanza(error).type, 'modify');
      }
    }
    await romeo.expectNothing();
  });

  test('RFC 7622: addresses are compared as prepared, and leave as the recipient knows them', async () => {
    romeo.send("<message to='JULIET@LOCALHOST/balcony' id='p'><body>x</body></message>");
    assert.equal((await juliet.element('message')).id, 'p');
    romeo.send("<message to='juliet@localhost/BALCONY' id='case' type='normal'><body>x</body></message>");
    assert.equal(StanzaError.fromStanza(await romeo.element('message')).condition, 'service-unavailable');
  });

  // §8.2.3: [what, IQ]
  const malformed: readonly (readonly [what: string, iq: string])[] = [
    ['no id', "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"],
    ['an empty id', "<iq type='get' id='' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"],
    ['no type', "<iq id='i' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"],
    ['an unknown type', "<iq type='subscribe' id='i' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"],
    ['no child', "<iq type='get' id='i' to='localhost'/>"],
    ['only text', "<iq type='set' id='i' to='localhost'>ping</iq>"],
    ['two children', "<iq type='get' id='i'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"],
    [
      'two children for somebody else',
      "<iq type='get' id='i' to='juliet@localhost/balcony'><a xmlns='x'/><b xmlns='x'/></iq>",
    ],
  ];
  for (const [what, iq] of malformed) {
    test(`§8.2.3: an IQ with ${what} is bad-request and goes nowhere`, async () => {
      romeo.send(iq);
      const error = await romeo.element('iq');
      assert.equal(error.type, 'error');
      assert.equal(StanzaError.fromStanza(error).condition, 'bad-request');
      assert.match(error.source, /code='400'/, 'XEP-0086');
      await juliet.expectNothing();
    });
  }

  test('old clients (xmpp4r) ask for the roster without an id, and get it without one', async () => {
    romeo.send("<iq type='get'><query xmlns='jabber:iq:roster'/></iq>");
    const answer = await romeo.element('iq');
    assert.deepEqual([answer.type, answer.id], ['result', undefined]);
    assert.ok(answer.hasChild('query', 'jabber:iq:roster'));
    for (const other of ["type='set'", "type='get' id=''", "type='get' to='juliet@localhost/balcony'"]) {
      romeo.send(`<iq ${other}><query xmlns='jabber:iq:roster'/></iq>`);
      const error = await romeo.element('iq');
      assert.equal(StanzaError.fromStanza(error).condition, 'bad-request', other);
    }
    await juliet.expectNothing();
  });

  test('§8.3: errors swap the addresses, keep the id, and name condition and type', async () => {
    romeo.send("<message to='nobody@localhost' type='chat' id='e1'><body>x</body></message>");
    await romeo.expect(
      "<message type='error' id='e1' from='nobody@localhost' to='romeo@localhost/orchard'><body>x</body><error code='503' type='cancel'>" +
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    );
  });

  test('§8.3.1 rule 6: the text of a message comes back with its error, before it, and nothing else of it', async () => {
    romeo.send(
      "<message xmlns:p='p' to='nobody@localhost' type='groupchat' id='e2' xml:lang='it'><p:body>no</p:body><body p:a='1'>sì &amp; no</body>" +
        "<body xml:lang='en'>yes &amp; no</body><body xmlns='urn:other'>no</body><x xmlns='p'/></message>",
    );
    await romeo.expect(
      "<message type='error' id='e2' xml:lang='it' from='nobody@localhost' to='romeo@localhost/orchard'><body>sì &amp; no</body>" +
        "<body xml:lang='en'>yes &amp; no</body><error code='503' type='cancel'>" +
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    );
    romeo.send(`<message to='nobody@localhost' id='e3'><body>${'x'.repeat(8192)}</body></message>`);
    assert.deepEqual(
      (await romeo.element('message')).children().map(({ name }) => name),
      ['error'],
      'what is long does not travel twice',
    );
  });

  test('§10.3.1: a message without `to` is for one’s own account', async () => {
    romeo.send("<message id='self' type='chat'><body>note</body></message>");
    await romeo.expect(
      "<message id='self' type='chat' from='romeo@localhost/orchard' to='romeo@localhost'><body>note</body></message>",
    );
  });

  test('§10.3.3: an IQ without `to` is answered for the account; unknown is service-unavailable', async () => {
    const answer = await romeo.iq('get', "<foo xmlns='http://example.org/'/>");
    assert.equal(answer.from, 'romeo@localhost');
    assert.equal(StanzaError.fromStanza(answer).condition, 'service-unavailable');
  });

  test('§10.4.3: a remote domain that cannot be reached: an error for what asks for one, silence for the rest', async () => {
    romeo.send("<message to='a@remote.invalid' id='r1'><body>x</body></message>");
    const error = await romeo.element('message');
    assert.deepEqual([error.id, error.from], ['r1', 'a@remote.invalid']);
    assert.equal(StanzaError.fromStanza(error).condition, 'remote-server-not-found');
    romeo.send(
      "<message to='a@remote.invalid' type='error'/><iq to='a@remote.invalid' type='result' id='x'/>",
    );
    await romeo.expectNothing();
  });

  test('RFC 6121 §3.1.2: a request that cannot be routed comes back to the user; probes of the server do not', async () => {
    romeo.send("<presence type='subscribe' to='a@remote.invalid' id='s1'/>");
    assert.equal((await romeo.element('iq')).type, 'set');
    const error = await romeo.element('presence');
    assert.deepEqual([error.type, error.id, error.to], ['error', 's1', 'romeo@localhost']);
    assert.equal(StanzaError.fromStanza(error).condition, 'remote-server-not-found');
    // at the next log-in the request is sent again by the server, and nobody hears of its fate
    const other = await core.online('romeo', 'other');
    await romeo.stanza((stanza) => stanza.from === 'romeo@localhost/other');
    romeo.send("<message to='b@remote.invalid' id='r2'><body>x</body></message>");
    assert.equal((await romeo.element('message')).id, 'r2');
    await romeo.expectNothing();
    await other.close();
    await romeo.stanza((stanza) => stanza.from === 'romeo@localhost/other');
    romeo.send("<presence type='unsubscribe' to='a@remote.invalid' id='s2'/>");
    assert.equal((await romeo.stanza((stanza) => stanza.name === 'presence')).id, 's2');
    romeo.received.length = 0;
  });

  test('§10.1: stanzas between two resources arrive in order, messages, presence and IQs alike', async () => {
    juliet.send("<presence to='romeo@localhost/orchard'/>");
    await romeo.element('presence');
    let sent = '';
    for (let i = 0; i < 90; i++) {
      const to = "to='juliet@localhost/balcony'";
      sent +=
        i % 3 === 0
          ? `<message ${to} id='${i}' type='chat'><body>${i}</body></message>`
          : i % 3 === 1
            ? `<presence ${to} id='${i}'/>`
            : `<iq ${to} id='${i}' type='get'><q xmlns='x'/></iq>`;
    }
    romeo.send(sent);
    for (let i = 0; i < 90; i++) assert.equal((await juliet.element()).id, String(i));
  });

  test('§8.4: what is not understood is delivered as it came', async () => {
    const content =
      "<body>a &lt; b</body><x:y xmlns:x='http://example.org/x' x:attr='&quot;1&quot;'><z xmlns=''>é 𝄞 &#13;</z></x:y>";
    romeo.send(
      `<message to='juliet@localhost/balcony' id='u' xml:lang='cs' z:extra='e' xmlns:z='http://example.org/z'>${content}</message>`,
    );
    const message = await juliet.element('message');
    assert.ok(message.source.includes(content), message.source);
    assert.equal(message.attribute('z:extra'), 'e');
    assert.equal(message.lang, 'cs');
  });

  test('a burst that is more than the socket takes at once arrives whole, and what comes after it too', async () => {
    const reader = await core.online('juliet', 'reader');
    const body = 'x'.repeat(100_000);
    let burst = '';
    for (let i = 0; i < 20; i++)
      burst += `<message to='juliet@localhost/reader' id='b${i}'><body>${body}</body></message>`;
    romeo.send(burst);
    for (let i = 0; i < 20; i++)
      assert.equal((await reader.stanza((stanza) => stanza.name === 'message')).id, `b${i}`);
    await reader.ping();
    await reader.close();
    await juliet.ping();
    juliet.received.length = 0;
  });

  test('a client that does not read is let go, and its messages are stored', async () => {
    const limited = await CoreUnderTest.start({ LIMIT_OUTBOUND_BYTES: '65536' });
    try {
      await limited.addUsers('romeo', 'juliet');
      const sender = await limited.login('romeo', 'r');
      const deaf = await limited.online('juliet', 'deaf');
      deaf.socket.pause();
      const body = 'x'.repeat(60_000);
      const count = 300; // more than the kernel’s buffers hold
      for (let i = 0; i < count; i++)
        sender.send(`<message to='juliet@localhost' type='chat' id='${i}'><body>${body}</body></message>`);
      await sender.ping();
      const other = await limited.login('juliet', 'other');
      other.send('<presence/>');
      // the first ones are in the deaf client's kernel; the rest is stored, in order, and is all there
      const first = Number((await other.stanza((stanza) => stanza.name === 'message')).id);
      assert.ok(first < count);
      for (let i = first + 1; i < count; i++)
        assert.equal((await other.stanza((stanza) => stanza.name === 'message')).id, String(i));
      deaf.cut();
    } finally {
      await limited.stop();
    }
  });
});
