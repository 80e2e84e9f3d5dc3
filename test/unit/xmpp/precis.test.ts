import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasRightToLeft, satisfiesBidiRule } from '../../../shared/xmpp/bidi.js';
import { contextAllows, idnaProperty, precisProperty } from '../../../shared/xmpp/code-points.js';
import { opaqueString, usernameCaseMapped } from '../../../shared/xmpp/precis.js';

// RFC 8265 §3.5 (userparts) and what UsernameCaseMapped makes of them.
const userparts: readonly (readonly [string, string | null])[] = [
  ['juliet@example.com', 'juliet@example.com'],
  ['fussball', 'fussball'],
  ['fu\u00DFball', 'fu\u00DFball'],
  ['\u03C0', '\u03C0'],
  ['\u03A3', '\u03C3'],
  ['\u03C3', '\u03C3'],
  ['\u03C2', '\u03C2'],
  ['foo bar', null],
  ['', null],
  ['henry\u2163', null],
  ['\u221E', null],
];

test('RFC 8265 §3.5: UsernameCaseMapped', () => {
  for (const [text, prepared] of userparts) assert.equal(usernameCaseMapped(text), prepared, text);
});

test('UsernameCaseMapped maps width, case and normalization form', () => {
  for (const [text, prepared] of [
    ['\uFF2A\uFF35\uFF2C\uFF29\uFF25\uFF34', 'juliet'],
    ['\uFF76\uFF9E', '\u30AC'], // halfwidth KA and voiced sound mark
    ['E\u0301', '\u00E9'],
    ['\u00C9', '\u00E9'],
    ['\u0130', 'i\u0307'],
    ['\u1E9E', '\u00DF'],
    ['\u0391\u03A3', '\u03B1\u03C3'], // not final sigma: the mapping sees one character
    ['\u10A0', '\u2D00'],
    ['\u{10400}', '\u{10428}'],
  ] as const) {
    assert.equal(usernameCaseMapped(text), prepared, text);
    assert.equal(usernameCaseMapped(prepared), prepared, `${text}, again`);
  }
});

test('UsernameCaseMapped refuses what another account could be taken for', () => {
  for (const [text, why] of [
    ['\u212Aing', 'KELVIN SIGN'],
    ['\u212B', 'ANGSTROM SIGN'],
    ['\u01C5', 'a titlecase digraph'],
    ['\uFB01nd', 'a ligature'],
    ['a\u00ADb', 'SOFT HYPHEN'],
    ['a\u200Bb', 'ZERO WIDTH SPACE'],
    ['a\u2060b', 'WORD JOINER'],
    ['a\u202Eb', 'RIGHT-TO-LEFT OVERRIDE'],
    ['a\uFE0F', 'a variation selector'],
    ['a\u034Fb', 'COMBINING GRAPHEME JOINER'],
    ['\u1100', 'a conjoining jamo'],
    ['a\u00A0b', 'NO-BREAK SPACE'],
    ['a\u0020', 'SPACE'],
    ['\u00A9', 'a symbol'],
    ['\u2014', 'punctuation'],
    ['\uE000', 'private use'],
    ['\uD83D', 'a lone surrogate'],
    ['\uFFFE', 'a noncharacter'],
    ['\u0378', 'an unassigned code point'],
    ['\u{1F600}', 'an emoji'],
    ['\u0640', 'ARABIC TATWEEL'],
    ['a\u0000', 'NUL'],
    ['a\u007F', 'DELETE'],
  ] as const) {
    assert.equal(usernameCaseMapped(text), null, why);
  }
});

test('RFC 8265 §4.3: OpaqueString', () => {
  for (const [text, prepared] of [
    ['correct horse battery staple', 'correct horse battery staple'],
    ['Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
    ['\u03C0\u00DF\u00E5', '\u03C0\u00DF\u00E5'],
    ['Jack of \u2666s', 'Jack of \u2666s'],
    ['foo\u1680bar', 'foo bar'],
    ['', null],
    ['my cat is a \u0009by', null],
  ] as const) {
    assert.equal(opaqueString(text), prepared, text);
  }
});

test('RFC 8264 §8: derived properties', () => {
  for (const [cp, property] of [
    [0x21, 'PVALID'],
    [0x7e, 'PVALID'],
    [0x20, 'FREE_PVAL'],
    [0x1f, 'DISALLOWED'],
    [0xdf, 'PVALID'],
    [0xb7, 'CONTEXTO'],
    [0x200d, 'CONTEXTJ'],
    [0xad, 'DISALLOWED'],
    [0x1100, 'DISALLOWED'],
    [0xac00, 'PVALID'],
    [0x2163, 'FREE_PVAL'],
    [0x265a, 'FREE_PVAL'],
    [0x3007, 'PVALID'],
    [0x303b, 'DISALLOWED'],
    [0x0378, 'UNASSIGNED'],
    [0xfdd0, 'DISALLOWED'],
    [0xe000, 'DISALLOWED'],
    [0xd800, 'DISALLOWED'],
    [0x10ffff, 'DISALLOWED'],
    [0x488, 'FREE_PVAL'],
  ] as const) {
    assert.equal(precisProperty(cp), property, cp.toString(16));
  }
  assert.equal(idnaProperty(0x41), 'DISALLOWED');
  assert.equal(idnaProperty(0x5f), 'DISALLOWED');
  assert.equal(idnaProperty(0x20d0), 'DISALLOWED');
  assert.equal(idnaProperty(0x2d), 'PVALID');
});

/** Text with a `*` before the code point whose context is judged. */
const contexts: readonly (readonly [string, boolean, string])[] = [
  ['\u0915\u094D*\u200C\u0937', true, 'ZWNJ after a virama'],
  ['\u0646\u0627\u0645\u0647*\u200C\u0627\u06CC', true, 'ZWNJ between joining letters'],
  ['\u0628\u064B*\u200C\u064B\u0628', true, 'ZWNJ between joining letters with marks'],
  ['\u0627*\u200C\u0628', false, 'ZWNJ after a letter that does not join to the left'],
  ['\u0628*\u200C', false, 'ZWNJ at the end'],
  ['*\u200C\u0628', false, 'ZWNJ at the beginning'],
  ['a*\u200Cb', false, 'ZWNJ between Latin letters'],
  ['\u0915\u094D*\u200D\u0937', true, 'ZWJ after a virama'],
  ['a*\u200Db', false, 'ZWJ after a letter'],
  ['l*\u00B7l', true, 'MIDDLE DOT in Catalan'],
  ['l*\u00B7', false, 'MIDDLE DOT at the end'],
  ['a*\u00B7l', false, 'MIDDLE DOT after another letter'],
  ['*\u0375\u03B1', true, 'keraia before Greek'],
  ['\u03B1*\u0375', false, 'keraia at the end'],
  ['*\u0375a', false, 'keraia before Latin'],
  ['\u05D0*\u05F3', true, 'geresh after Hebrew'],
  ['a*\u05F3', false, 'geresh after Latin'],
  ['\u05D0*\u05F4\u05D0', true, 'gershayim after Hebrew'],
  ['*\u05F4\u05D0', false, 'gershayim at the beginning'],
  ['\u30A2*\u30FB', true, 'middle dot with Katakana'],
  ['\u6F22*\u30FBa', true, 'middle dot with Han'],
  ['a*\u30FBb', false, 'middle dot with Latin only'],
  ['*\u0660\u0661', true, 'Arabic-Indic digits'],
  ['*\u0660\u06F1', false, 'Arabic-Indic and extended digits'],
  ['*\u06F0\u06F1', true, 'extended digits'],
  ['*\u06F0\u0661', false, 'extended and Arabic-Indic digits'],
  ['*a', false, 'no rule'],
];

test('RFC 5892 appendix A: contextual rules', () => {
  for (const [marked, allowed, why] of contexts) {
    const index = [...marked].indexOf('*');
    const string = Array.from(marked.replace('*', ''), (char) => char.codePointAt(0) ?? 0);
    assert.equal(contextAllows(string, index), allowed, why);
  }
});

const bidi: readonly (readonly [string, boolean, string])[] = [
  ['abc', true, 'Latin'],
  ['a1', true, 'Latin, then a digit'],
  ['1a', false, 'condition 1: begins with a digit'],
  ['-a', false, 'condition 1: begins with a hyphen'],
  ['\u0300a', false, 'condition 1: begins with a mark'],
  ['\u05D0\u05D1', true, 'Hebrew'],
  ['\u05D01', true, 'Hebrew, then a digit'],
  ['\u05D0a', false, 'condition 2: Latin in Hebrew'],
  ['\u05D0-\u05D1', true, 'condition 2: a hyphen'],
  ['\u05D0-', false, 'condition 3: ends with a hyphen'],
  ['\u05D0\u05B0', true, 'condition 3: marks after the last letter'],
  ['\u0627\u0661', true, 'condition 3: ends with an Arabic number'],
  ['\u0627\u06611', false, 'condition 4: both kinds of numbers'],
  ['a\u05D0', false, 'condition 5: Hebrew in Latin'],
  ['a\u0661', false, 'condition 5: an Arabic number in Latin'],
  ['a-', false, 'condition 6: ends with a hyphen'],
  ['a\u0300', true, 'condition 6: marks after the last letter'],
  ['', false, 'nothing to begin with'],
  // RFC 5893 §4: names in Dhivehi and Yiddish end with a combining mark.
  ['\u0780\u0791\u0793\u07A6\u0783\u07B0', true, 'Dhivehi'],
  ['\u05D9\u05B4\u05D5\u05D0\u05B8', true, 'Yiddish'],
];

test('RFC 5893 §2: the Bidi Rule', () => {
  for (const [label, satisfied, why] of bidi) assert.equal(satisfiesBidiRule(label), satisfied, why);
});

test('the Bidi Rule is for localparts with right-to-left characters only', () => {
  assert.equal(hasRightToLeft('1abc'), false);
  assert.equal(hasRightToLeft('\u0661'), true);
  assert.equal(usernameCaseMapped('1abc-'), '1abc-');
  assert.equal(usernameCaseMapped('\u05D0\u05D1'), '\u05D0\u05D1');
  assert.equal(usernameCaseMapped('1\u05D0'), null);
  assert.equal(usernameCaseMapped('\u05D0a'), null);
});
