import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import {
  type DefinedCondition,
  definedConditions,
  errorReply,
  StanzaError,
} from '../../../shared/xmpp/stanza-error.js';
import { StreamError, streamErrorConditions } from '../../../shared/xmpp/stream-error.js';

// RFC 6120 §8.3.3 (types) and XEP-0086 table 1 (codes); XEP-0086 has no code for policy-violation, the RFC no payment-required.
const table: Readonly<Record<DefinedCondition, readonly [types: readonly string[], code: number]>> = {
  'bad-request': [['modify'], 400],
  conflict: [['cancel'], 409],
  'feature-not-implemented': [['cancel', 'modify'], 501],
  forbidden: [['auth'], 403],
  gone: [['cancel'], 302],
  'internal-server-error': [['cancel'], 500],
  'item-not-found': [['cancel'], 404],
  'jid-malformed': [['modify'], 400],
  'not-acceptable': [['modify'], 406],
  'not-allowed': [['cancel'], 405],
  'not-authorized': [['auth'], 401],
  'payment-required': [['auth'], 402],
  'policy-violation': [['modify', 'wait'], 406],
  'recipient-unavailable': [['wait'], 404],
  redirect: [['modify'], 302],
  'registration-required': [['auth'], 407],
  'remote-server-not-found': [['cancel'], 404],
  'remote-server-timeout': [['wait'], 504],
  'resource-constraint': [['wait'], 500],
  'service-unavailable': [['cancel'], 503],
  'subscription-required': [['auth'], 407],
  'undefined-condition': [['auth', 'cancel', 'continue', 'modify', 'wait'], 500],
  'unexpected-request': [['wait', 'modify'], 400],
};

test('every defined condition has its type and its legacy code, and is read back', () => {
  assert.deepEqual(Object.keys(definedConditions).sort(), Object.keys(table).sort());
  for (const [name, [types, code]] of Object.entries(table)) {
    const condition = name as DefinedCondition;
    const error = new StanzaError(condition);
    assert.ok(types.includes(error.type), name);
    assert.equal(error.code, code, name);
    const element = error.toElement();
    assert.equal(element.attrs['code'], String(code));
    assert.equal(element.attrs['type'], error.type);
    assert.ok(element.getChild(name, NS.stanzaErrors), name);
    const read = StanzaError.fromElement(element);
    assert.equal(read.condition, condition);
    assert.equal(read.type, error.type);
  }
});

test('an error carries text, address, application condition and by', () => {
  const application = xml('closed-node', { xmlns: NS.pubsubErrors });
  const error = new StanzaError('gone', {
    text: 'moved <away>',
    lang: 'fr',
    address: 'xmpp:romeo@afterlife.example',
    application,
    by: 'example.com',
  });
  assert.equal(
    error.toElement().toString(),
    '<error code="302" type="cancel" by="example.com">' +
      `<gone xmlns="${NS.stanzaErrors}">xmpp:romeo@afterlife.example</gone>` +
      `<text xmlns="${NS.stanzaErrors}" xml:lang="fr">moved &lt;away&gt;</text>` +
      `<closed-node xmlns="${NS.pubsubErrors}"/></error>`,
  );
  const read = StanzaError.fromElement(error.toElement());
  assert.equal(read.address, 'xmpp:romeo@afterlife.example');
  assert.equal(read.text, 'moved <away>');
  assert.equal(read.lang, 'fr');
  assert.equal(read.by, 'example.com');
  assert.equal(read.application?.name, 'closed-node');
  assert.equal(application.parent, null, 'what was given is left as it was');
});

test('only gone and redirect carry an address', () => {
  const element = new StanzaError('conflict', { address: 'xmpp:a@b' }).toElement();
  assert.equal(element.getChildText('conflict'), '');
});

// XEP-0086 table 2.
const legacy: readonly (readonly [number, DefinedCondition, string])[] = [
  [302, 'redirect', 'modify'],
  [400, 'bad-request', 'modify'],
  [401, 'not-authorized', 'auth'],
  [402, 'payment-required', 'auth'],
  [403, 'forbidden', 'auth'],
  [404, 'item-not-found', 'cancel'],
  [405, 'not-allowed', 'cancel'],
  [406, 'not-acceptable', 'modify'],
  [407, 'registration-required', 'auth'],
  [408, 'remote-server-timeout', 'wait'],
  [409, 'conflict', 'cancel'],
  [500, 'internal-server-error', 'wait'],
  [501, 'feature-not-implemented', 'cancel'],
  [502, 'service-unavailable', 'wait'],
  [503, 'service-unavailable', 'cancel'],
  [504, 'remote-server-timeout', 'wait'],
  [510, 'service-unavailable', 'cancel'],
];

test('XEP-0086 table 2: an error of which only the code is known', () => {
  for (const [code, condition, type] of legacy) {
    const error = StanzaError.fromElement(xml('error', { code }, 'What happened'));
    assert.deepEqual(
      [error.condition, error.type, error.text],
      [condition, type, 'What happened'],
      String(code),
    );
  }
});

test('what is no known error is an undefined condition', () => {
  for (const element of [
    xml('error'),
    xml('error', { code: 999 }),
    xml('error', { type: 'odd' }, xml('new-condition', { xmlns: NS.stanzaErrors })),
    xml('error', { code: 'constructor' }),
    xml('error', {}, xml('toString', { xmlns: NS.stanzaErrors })),
  ]) {
    assert.equal(StanzaError.fromElement(element).condition, 'undefined-condition');
  }
});

test('a condition goes before a code that says something else', () => {
  const element = xml('error', { code: 500, type: 'wait' }, xml('conflict', { xmlns: NS.stanzaErrors }));
  const error = StanzaError.fromElement(element);
  assert.deepEqual([error.condition, error.type], ['conflict', 'wait']);
});

test('an answer swaps the addresses, keeps the id and leaves the content out', () => {
  const message = Stanza.parse(
    "<message from='a@b/c' to='d@e' id='1' type='chat'><body>secret</body></message>",
  );
  const reply = errorReply(message, new StanzaError('service-unavailable'));
  assert.ok(reply);
  assert.deepEqual([reply.from, reply.to, reply.id, reply.type], ['d@e', 'a@b/c', '1', 'error']);
  assert.equal(reply.text.includes('secret'), false);
  assert.equal(StanzaError.fromStanza(reply).condition, 'service-unavailable');
});

test('an answer may come from elsewhere and bring parts of the original', () => {
  const iq = Stanza.parse("<iq from='a@b/c' to='d@e' id='1' type='get'><query xmlns='urn:x'/></iq>");
  const original = iq.element.getChildElements();
  const reply = errorReply(iq, new StanzaError('forbidden'), { from: 'd@e/f', original });
  assert.equal(reply?.from, 'd@e/f');
  assert.equal(reply?.element.getChildElements()[0]?.is('query', 'urn:x'), true);
});

test('RFC 6120 §8.3.1: errors and results are never answered', () => {
  const error = new StanzaError('bad-request');
  for (const text of [
    "<message type='error'/>",
    "<presence type='error'/>",
    "<iq type='error'/>",
    "<iq type='result'/>",
  ]) {
    assert.equal(errorReply(Stanza.parse(text), error), null, text);
  }
  for (const text of ['<message/>', '<presence/>', "<iq type='get'/>", "<iq type='set'/>", '<iq/>']) {
    assert.equal(errorReply(Stanza.parse(text), error)?.type, 'error', text);
  }
});

test('making an error costs no stack trace and leaves other errors theirs', () => {
  assert.equal(new StanzaError('conflict').stack?.includes('\n    at '), false);
  assert.equal(new Error('other').stack?.includes('\n    at '), true);
});

test('RFC 6120 §4.9.3: every stream error is written and read', () => {
  assert.equal(streamErrorConditions.length, 25);
  for (const condition of streamErrorConditions) {
    const text = new StreamError(condition, { text: 'a < b' }).toText(true);
    const read = StreamError.fromElement(Stanza.parse(text, NS.client).element);
    assert.deepEqual([read.condition, read.text], [condition, 'a < b']);
  }
});

test('a stream error on the wire', () => {
  assert.equal(
    new StreamError('see-other-host', { host: '[2001:db8::1]:5222' }).toText(),
    `<stream:error><see-other-host xmlns='${NS.streamErrors}'>[2001:db8::1]:5222</see-other-host></stream:error>`,
  );
  const read = StreamError.fromElement(
    xml(
      'stream:error',
      { 'xmlns:stream': NS.streams },
      xml('xml-not-well-formed', { xmlns: NS.streamErrors }),
    ),
  );
  assert.equal(read.condition, 'not-well-formed');
  assert.equal(StreamError.fromElement(xml('stream:error')).condition, 'undefined-condition');
});
