import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  domainToDns,
  Jid,
  jid,
  parseJid,
  prepareDomain,
  prepareLocalpart,
  prepareResource,
} from '../../../shared/xmpp/jid.js';

// RFC 7622 §3.5, table 1: the JID as written, and its parts as prepared.
const legal: readonly (readonly [string, string, string, string])[] = [
  ['juliet@example.com', 'juliet', 'example.com', ''],
  ['juliet@example.com/foo', 'juliet', 'example.com', 'foo'],
  ['juliet@example.com/foo bar', 'juliet', 'example.com', 'foo bar'],
  ['juliet@example.com/foo@bar', 'juliet', 'example.com', 'foo@bar'],
  ['foo\\20bar@example.com', 'foo\\20bar', 'example.com', ''],
  ['fussball@example.com', 'fussball', 'example.com', ''],
  ['fu\u00DFball@example.com', 'fu\u00DFball', 'example.com', ''],
  ['\u03C0@example.com', '\u03C0', 'example.com', ''],
  ['\u03A3@example.com/foo', '\u03C3', 'example.com', 'foo'],
  ['\u03C3@example.com/foo', '\u03C3', 'example.com', 'foo'],
  ['\u03C2@example.com/foo', '\u03C2', 'example.com', 'foo'],
  ['king@example.com/\u265A', 'king', 'example.com', '\u265A'],
  ['example.com', '', 'example.com', ''],
  ['example.com/foobar', '', 'example.com', 'foobar'],
  ['a.example.com/b@example.net', '', 'a.example.com', 'b@example.net'],
];

test('RFC 7622 §3.5 table 1: legal JIDs', () => {
  for (const [text, local, domain, resource] of legal) {
    const parsed = parseJid(text);
    assert.ok(parsed, text);
    assert.deepEqual([parsed.local, parsed.domain, parsed.resource], [local, domain, resource], text);
  }
});

// RFC 7622 §3.5, table 2.
const illegal = [
  '"juliet"@example.com',
  'foo bar@example.com',
  'juliet@example.com/ foo',
  '@example.com/',
  'henry\u2163@example.com',
  '\u265A@example.com',
  'juliet@',
  '/foobar',
];

test('RFC 7622 §3.5 table 2: what is no JID', () => {
  for (const text of illegal) assert.equal(parseJid(text), null, text);
});

test('what is missing or doubled makes no JID', () => {
  for (const text of [
    '',
    '@',
    '/',
    '@/',
    'a@',
    '@b',
    'a@/r',
    'a@b/',
    'b/',
    'a@@b',
    'a@b@c',
    '.',
    'a@.',
    'a@b..c',
    'a@.b',
  ]) {
    assert.equal(parseJid(text), null, text);
  }
});

test('§3.1: separators are matched before any mapping', () => {
  // FULLWIDTH SOLIDUS and COMMERCIAL AT map to the separators, and are then excluded characters or no label.
  assert.equal(parseJid('a\uFF20b'), null);
  assert.equal(parseJid('a\uFF0Fb@c'), null);
  assert.equal(parseJid('a@b\uFF0Fc'), null);
  const parsed = parseJid('a@b/c\uFF0Fd');
  assert.equal(parsed?.resource, 'c\uFF0Fd');
});

test('§3.3.1: the further excluded characters', () => {
  for (const char of '"&\'/:<>@') {
    assert.equal(prepareLocalpart(`a${char}b`), null, char);
    // Their fullwidth forms become them.
    assert.equal(prepareLocalpart(`a${String.fromCharCode(char.charCodeAt(0) + 0xfee0)}b`), null, char);
  }
  const rest = '!#$%()*+,-.0123456789;=?[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';
  assert.equal(prepareLocalpart(rest), rest);
});

test('parts are 1 to 1023 octets after preparation', () => {
  assert.equal(parseJid(`${'a'.repeat(1023)}@b`)?.local.length, 1023);
  assert.equal(parseJid(`${'a'.repeat(1024)}@b`), null);
  assert.equal(prepareLocalpart('\u00E9'.repeat(511))?.length, 511);
  assert.equal(prepareLocalpart('\u00E9'.repeat(512)), null);
  assert.equal(prepareResource('r'.repeat(1023))?.length, 1023);
  assert.equal(prepareResource('r'.repeat(1024)), null);
  assert.equal(prepareResource('\u{1F600}'.repeat(255))?.length, 510);
  assert.equal(prepareResource('\u{1F600}'.repeat(256)), null);
  // The rule holds after mapping: 1,026 octets decomposed are 684 composed.
  assert.equal(prepareResource('e\u0301'.repeat(342)), '\u00E9'.repeat(342));
  // LATIN CAPITAL LETTER A WITH STROKE takes two octets, its small letter three.
  assert.equal(Buffer.byteLength('\u023A'.repeat(400)) <= 1023, true);
  assert.equal(prepareLocalpart('\u023A'.repeat(400)), null);
  assert.equal(parseJid(`a@b/${'r'.repeat(20_000)}`), null);
});

test('an address compares, prints and changes by its prepared parts', () => {
  const parsed = jid('Juliet@Example.COM./Balcony');
  assert.equal(parsed.full, 'juliet@example.com/Balcony');
  assert.equal(parsed.bare, 'juliet@example.com');
  assert.equal(`${parsed}`, 'juliet@example.com/Balcony');
  assert.equal(JSON.stringify({ parsed }), '{"parsed":"juliet@example.com/Balcony"}');
  assert.equal(parsed.isBare, false);
  const bare = parsed.toBare();
  assert.equal(bare.full, 'juliet@example.com');
  assert.equal(bare.isBare, true);
  assert.equal(bare.toBare(), bare);
  assert.equal(parsed.toBare(), bare);
  assert.equal(bare.withResource('tomb').full, 'juliet@example.com/tomb');
  assert.equal(bare.withResource('').full, 'juliet@example.com');
  assert.equal(jid('example.com/r').bare, 'example.com');
  assert.equal(Jid.fromPrepared('a', parsed.domain, 'r').full, 'a@example.com/r');
});

test('jid() throws for what is none', () => {
  assert.throws(() => jid('a b@c'), TypeError);
});

test('the same text gives the same object while it is in use, and the cache is bounded', () => {
  const first = parseJid('cached@example.com/x');
  assert.equal(parseJid('cached@example.com/x'), first);
  // Kept through one change of generations by being used, gone after two without.
  for (let i = 0; i < 30_000; i++) {
    parseJid(`other${i}@example.com`);
    if (i % 1000 === 0) assert.equal(parseJid('cached@example.com/x'), first);
  }
  for (let i = 0; i < 30_000; i++) parseJid(`more${i}@example.com`);
  const again = parseJid('cached@example.com/x');
  assert.notEqual(again, first);
  assert.equal(again?.full, first?.full);
});

test('texts of one address in different spelling are one address', () => {
  const texts = [
    'ROMEO@Example.com',
    'romeo@example.com',
    'romeo@EXAMPLE.COM.',
    '\uFF32omeo@example\u3002com',
  ];
  assert.deepEqual(new Set(texts.map((text) => parseJid(text)?.full)), new Set(['romeo@example.com']));
});

const domains: readonly (readonly [string, string])[] = [
  ['EXAMPLE.com', 'example.com'],
  ['example.com.', 'example.com'],
  ['localhost', 'localhost'],
  ['a-b.example', 'a-b.example'],
  ['1a.example', '1a.example'],
  ['3com.com', '3com.com'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '[::1]'],
  ['[2001:DB8:0:0::0:1]', '[2001:db8::1]'],
  ['[::ffff:192.0.2.1]', '[::ffff:c000:201]'],
  ['[fe80::1%25eth0]', '[fe80::1%25eth0]'],
  // RFC 7622 §3.2.1: A-labels become U-labels.
  ['xn--fuball-cta.example', 'fu\u00DFball.example'],
  ['XN--FUBALL-CTA.example', 'fu\u00DFball.example'],
  ['xn--zca.com', '\u00DF.com'],
  ['M\u00DCNCHEN.de', 'm\u00FCnchen.de'],
  ['mu\u0308nchen.de', 'm\u00FCnchen.de'],
  ['m\u00FCnchen\u3002de', 'm\u00FCnchen.de'],
  ['m\u00FCnchen.de\u3002', 'm\u00FCnchen.de'],
  ['\uFF45\uFF58\uFF41\uFF4D\uFF50\uFF4C\uFF45.com', 'example.com'],
  ['\u03A3\u03C2.gr', '\u03C3\u03C2.gr'],
  ['\uAB70.example', '\u13A0.example'],
  ['\u05D0.example', '\u05D0.example'],
];

test('§3.2: domainparts as they are prepared', () => {
  for (const [text, prepared] of domains) {
    assert.equal(prepareDomain(text), prepared, text);
    assert.equal(prepareDomain(prepared), prepared, `${text}, again`);
  }
});

const notDomains: readonly (readonly [string, string])[] = [
  ['', 'empty'],
  ['..', 'empty label'],
  ['a..', 'only one final dot is stripped'],
  ['a_b.example', 'an underscore is no LDH'],
  ['-a.example', 'leading hyphen'],
  ['a-.example', 'trailing hyphen'],
  ['ab--c.example', 'a reserved LDH label'],
  ['a b.example', 'space'],
  ['a\tb.example', 'control'],
  ['a%62.example', 'percent'],
  ['a:5222', 'port'],
  ['1.2', 'shorthand for an IPv4 address'],
  ['0x7f.1', 'shorthand for an IPv4 address'],
  ['127.0.0.0x1', 'shorthand for an IPv4 address'],
  ['256.1.1.1', 'no IPv4 address'],
  ['010.0.0.1', 'octal, to some'],
  ['::1', 'an IPv6 address without brackets'],
  ['[::1', 'an open bracket'],
  ['[::g]', 'no IPv6 address'],
  ['[127.0.0.1]', 'an IPv4 address in brackets'],
  ['[v1.x]', 'IPvFuture is not one of what §3.2 names'],
  ['[::1].example', 'more after a literal'],
  ['xn--a.example', 'a broken A-label'],
  ['xn--abc-.example', 'an A-label of ASCII only'],
  ['xn--MNCHEN-3YA2.de', 'a broken A-label'],
  ['\u2665.example', 'a symbol'],
  ['\u2163.example', 'a compatibility character: IDNA2008 does not map it'],
  ['\u210C.example', 'a compatibility character'],
  ['a\u00B7b.example', 'MIDDLE DOT not between two l'],
  ['\u0301a.example', 'a leading combining mark'],
  ['a\u00ADb.example', 'SOFT HYPHEN'],
  ['a\u200Bb.example', 'ZERO WIDTH SPACE'],
  ['a\u200Db.example', 'ZERO WIDTH JOINER out of context'],
  ['a\uD800.example', 'a lone surrogate'],
  ['\u05D0a.example', 'both directions in a label'],
  ['\u05D0.1a.example', 'a label beside a right-to-left one begins with a digit'],
  [`${'a'.repeat(64)}.example`, 'a label of 64 octets'],
  [`${'\u00FC'.repeat(60)}.example`, 'an A-label of more than 63 octets'],
  [`${'a.'.repeat(127)}`.concat('ab'), 'more than 253 octets'],
];

test('§3.2: what is no domainpart', () => {
  for (const [text, why] of notDomains) assert.equal(prepareDomain(text), null, `${why}: ${text}`);
});

test('a domain of 253 octets is the longest', () => {
  const longest = `${'a.'.repeat(126)}a`;
  assert.equal(prepareDomain(longest), longest);
  assert.equal(prepareDomain(`${longest}.`), longest);
});

test('the name of a domain for the DNS and TLS', () => {
  assert.equal(domainToDns('example.com'), 'example.com');
  assert.equal(domainToDns('fu\u00DFball.example'), 'xn--fuball-cta.example');
  assert.equal(domainToDns('[2001:db8::1]'), '2001:db8::1');
  assert.equal(domainToDns('[fe80::1%25eth0]'), 'fe80::1%eth0');
});

test('§3.4: resourceparts', () => {
  assert.equal(prepareResource('Balcony'), 'Balcony');
  assert.equal(prepareResource('a/b@c'), 'a/b@c');
  assert.equal(prepareResource('a\u00A0b'), 'a b');
  assert.equal(prepareResource('\u3000a'), null, 'a leading space, whichever');
  assert.equal(prepareResource('a '), 'a ');
  assert.equal(prepareResource('\u2163'), '\u2163');
  assert.equal(prepareResource('\u1112\u1161\u11AB'), '\uD55C', 'decomposed Hangul is composed');
  for (const text of [
    '',
    '\t',
    'a\u0000',
    'a\nb',
    '\u0007',
    '\uD800',
    '\uFDD0',
    '\u{E0001}',
    '\u0378',
    '\u1100',
    '\uE000',
  ]) {
    assert.equal(prepareResource(text), null, JSON.stringify(text));
  }
});
