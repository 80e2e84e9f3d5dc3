import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usableFeatures } from '../../../components/bosh/upstreams/features.js';
import {
  inOrder,
  parseRoute,
  parseUpstreamAddress,
  resolveTargets,
} from '../../../components/bosh/upstreams/proxy/target.js';
import { Undelivered } from '../../../components/bosh/upstreams/proxy/undelivered.js';
import { Stanza } from '../../../shared/xml/stanza.js';

test('BOSH_UPSTREAM names a host, with a port or for SRV, or the domain that is asked for', () => {
  const plain = { directTls: false };
  assert.deepEqual(parseUpstreamAddress('xmpp://xmpp.example.com'), {
    host: 'xmpp.example.com',
    port: undefined,
    ...plain,
  });
  assert.deepEqual(parseUpstreamAddress('xmpp://127.0.0.1:5222'), {
    host: '127.0.0.1',
    port: 5222,
    ...plain,
  });
  assert.deepEqual(parseUpstreamAddress('xmpp://[::1]:5222'), { host: '::1', port: 5222, ...plain });
  assert.deepEqual(parseUpstreamAddress('xmpps://a.example:5223'), {
    host: 'a.example',
    port: 5223,
    directTls: true,
  });
  assert.deepEqual(parseUpstreamAddress('xmpp://*'), { host: '*', port: undefined, ...plain });
  for (const wrong of [
    '',
    'core',
    'http://a',
    'xmpp://',
    'xmpp://a:0',
    'xmpp://a:70000',
    'xmpp://*:5222',
    'xmpp://a/b',
  ]) {
    assert.equal(parseUpstreamAddress(wrong), undefined, wrong);
  }
});

test('a route is host and port, and nothing else', () => {
  assert.deepEqual(parseRoute('xmpp:Example.com:9999'), {
    host: 'example.com',
    port: 9999,
    directTls: false,
  });
  assert.deepEqual(parseRoute('example.com:5222'), { host: 'example.com', port: 5222, directTls: false });
  for (const wrong of [
    'example.com',
    'xmpp:example.com',
    'http:example.com:80',
    'xmpp:a:b:1',
    'a:99999',
    '',
  ]) {
    assert.equal(parseRoute(wrong), undefined, wrong);
  }
});

test('a port needs no look-up', async () => {
  const address = { host: '192.0.2.1', port: 5299, directTls: false };
  assert.deepEqual(await resolveTargets(address, 'example.com'), [
    { host: '192.0.2.1', port: 5299, directTls: false },
  ]);
  assert.deepEqual(await resolveTargets({ ...address, port: undefined }, 'example.com'), [
    { host: '192.0.2.1', port: 5222, directTls: false },
  ]);
});

test('RFC 2782: by priority, and among equals by weight', () => {
  const a = { name: 'a', priority: 10, weight: 60 };
  const b = { name: 'b', priority: 10, weight: 40 };
  const c = { name: 'c', priority: 5, weight: 0 };
  assert.deepEqual(
    inOrder([a, b, c], () => 0.99).map((one) => one.name),
    ['c', 'a', 'b'],
  );
  assert.deepEqual(
    inOrder([a, b, c], () => 0.1).map((one) => one.name),
    ['c', 'b', 'a'],
  );
  assert.deepEqual(
    inOrder([], () => 0),
    [],
  );
});

test('features are shown without what cannot be used through this hop', () => {
  const features = Stanza.parse(
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>" +
      "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" +
      "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>" +
      "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1-PLUS</mechanism>" +
      '<mechanism>EXTERNAL</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>' +
      "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>" +
      "<auth xmlns='http://jabber.org/features/iq-auth'/><ver xmlns='urn:xmpp:features:rosterver'/></stream:features>",
  ).element;
  const before = features.toString();
  const strict = usableFeatures(features, { allowPlain: false });
  assert.equal(
    strict,
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>" +
      "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms>" +
      "<ver xmlns='urn:xmpp:features:rosterver'/></stream:features>",
  );
  const lax = usableFeatures(features, { allowPlain: true });
  assert.match(lax, /<mechanism>PLAIN<\/mechanism>/);
  assert.match(lax, /iq-auth/);
  assert.equal(features.toString(), before, 'the original is left alone');
});

test('XEP-0206 recipient-unavailable: what is answered, and how', () => {
  const undelivered = new Undelivered();
  const stanzas = [
    "<message from='a@x' to='b@y/r' id='m'><body>hi</body></message>",
    "<iq from='a@x' to='b@y/r' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq from='a@x' to='b@y/r' type='result' id='r'/>",
    "<presence from='a@x' to='b@y/r'/>",
    "<message from='a@x' to='b@y/r' type='error' id='e'/>",
    "<message from='a@x' to='b@y/r' id='late'/>",
  ];
  stanzas.forEach((text, k) => {
    undelivered.add(k + 1, Stanza.parse(text));
  });
  undelivered.acknowledge(0);
  const answers = undelivered.takeAnswers();
  assert.equal(answers.match(/<error /g)?.length, 3);
  assert.match(answers, /<message [^>]*id='m'[^>]*>.*<recipient-unavailable/);
  assert.match(answers, /<iq [^>]*id='q'[^>]*>.*<service-unavailable/);
  assert.equal(undelivered.takeAnswers(), '');
  const acknowledged = new Undelivered();
  stanzas.forEach((text, k) => {
    acknowledged.add(k + 1, Stanza.parse(text));
  });
  acknowledged.acknowledge(2);
  assert.doesNotMatch(acknowledged.takeAnswers(), /id='m'|id='q'/);
});
