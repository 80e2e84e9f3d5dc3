import type { Dice } from './dice.js';

const repeat = (text: string, times: number): string => text.repeat(times);

/** Parts of addresses that RFC 7622 forbids, folds, limits or that look like another. */
const HOSTILE_LOCALPARTS: readonly string[] = [
  '',
  'canary',
  'CANARY',
  'c\u0430nary', // Cyrillic a
  'ｃａｎａｒｙ', // full width
  'canary\u200b',
  'canary\u00ad',
  'canary\u0301',
  '\u202ecanary',
  'a b',
  'a"b',
  'a&b',
  "a'b",
  'a/b',
  'a:b',
  'a<b',
  'a>b',
  'a\\20b',
  '\\26',
  'ß',
  'ſ',
  'ς',
  'İ',
  'ı',
  '\u0640',
  '\u05d0a',
  'a\u05d0',
  '\u05d01\u0661',
  '\u0378', // unassigned
  '\u{e0001}',
  '\u{1f600}',
  '\u2163',
  '\ufb03',
  '\u1e9e',
  '\u3000',
  '\u00a0',
  '\u200d',
  '\u0000x',
  '__proto__',
  'constructor',
  'toString',
  repeat('x', 1023),
  repeat('x', 1024),
  repeat('é', 512),
  repeat('\u{20000}', 256),
];

const HOSTILE_DOMAINS: readonly string[] = [
  '',
  '.',
  'localhost.',
  'LOCALHOST',
  'ｌocalhost',
  'localhost\u3002',
  '..',
  '-a.example',
  'a_b.example',
  'xn--',
  'xn--a',
  'xn--mnchen-3ya.example',
  'münchen.example',
  'ﬀ.example',
  '[::1]',
  '[::1',
  '[2001:db8::g]',
  '127.0.0.1',
  '256.0.0.1',
  'a\u200cb.example',
  '\u05d0.example',
  `${repeat('x', 63)}.example`,
  `${repeat('x', 64)}.example`,
  repeat('x.', 511),
  repeat('x', 1024),
  '\u{1f600}.example',
  '__proto__',
];

const HOSTILE_RESOURCES: readonly string[] = [
  '',
  ' ',
  'a/b@c',
  '\u00a0',
  '\u200b',
  '\u202e',
  '\u{1f600}',
  '\u0378',
  '\ufdd0',
  '<&>"\'',
  'A\u030a',
  '__proto__',
  repeat('y', 1023),
  repeat('y', 1024),
  repeat('é', 512),
];

const TEXTS: readonly string[] = [
  '',
  ' ',
  '0',
  'true',
  'false',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '%s%n',
  '../../etc/passwd',
  "'; drop table",
  '#{1}',
  '{"$gt":""}',
  '\u202e\u2066x',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  '\ufffd',
  '\u{10fffd}',
  '\u{fdd0}',
  '\u0085',
  '\u2028',
  '\t\r\n',
  'e\u0301',
  repeat('\u0301', 500),
  repeat('a', 5000),
  repeat('é', 4000),
  repeat('\u{1f600}', 2000),
  '1e400',
  '<![CDATA[x]]>',
  '&lt;',
  ']]>',
];

const NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '1',
  '2',
  '10',
  '255',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551616',
  '1.5',
  '1e3',
  '0x10',
  '+1',
  ' 1',
  '1 ',
  '01',
  '٣',
  'NaN',
  'Infinity',
  '-Infinity',
  '',
  'max',
  repeat('9', 400),
];

const DATES: readonly string[] = [
  '1970-01-01T00:00:00Z',
  '1969-07-21T02:56:15Z',
  '9999-12-31T23:59:59.999Z',
  '0000-00-00T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '2026-02-30T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T23:59:60Z',
  '2026-01-01T00:00:00+25:00',
  '20260101T00:00:00',
  '2026-01-01',
  'now',
  '',
];

const BASE64: readonly string[] = [
  '',
  '=',
  '====',
  'A',
  'AA=',
  'AA==',
  'AAA=',
  'QUJD\nREVG',
  'QUJD REVG',
  '****',
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  repeat('QUFB', 3000),
];

/** Text of any kind, mostly odd. */
export function anyText(dice: Dice): string {
  if (dice.chance(0.3)) return dice.pick(['hello', 'a', 'item', 'x1', 'Prospero']);
  return dice.pick(TEXTS);
}

export function anyNumber(dice: Dice): string {
  return dice.chance(0.3) ? String(dice.below(20)) : dice.pick(NUMBERS);
}

export function anyDate(dice: Dice): string {
  return dice.pick(DATES);
}

export function anyBase64(dice: Dice): string {
  return dice.chance(0.3) ? Buffer.from(anyText(dice)).toString('base64') : dice.pick(BASE64);
}

/** Text, a number, a date, base64: whatever. */
export function anyValue(dice: Dice): string {
  return dice.pick([anyText, anyNumber, anyDate, anyBase64])(dice);
}

/** An address, nearly always a hostile one. */
export function hostileJid(dice: Dice, domains: readonly string[]): string {
  const local = dice.chance(0.8) ? `${dice.pick(HOSTILE_LOCALPARTS)}@` : '';
  const domain = dice.chance(0.6) ? dice.pick(domains) : dice.pick(HOSTILE_DOMAINS);
  const resource = dice.chance(0.4) ? `/${dice.pick(HOSTILE_RESOURCES)}` : '';
  return local + domain + resource;
}

/** An id: absent, odd, huge, or an ordinary one. */
export function hostileId(dice: Dice): string | undefined {
  if (dice.chance(0.2)) return undefined;
  return dice.pick([
    '',
    ' ',
    'x',
    '__proto__',
    repeat('i', 1024),
    repeat('i', 20_000),
    '\u{1f600}',
    'a\'b"c<&>',
    '\n',
  ]);
}
