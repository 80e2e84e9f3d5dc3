/**
 * What each UTF-16 code unit may be in XML 1.0 (fifth edition), as flags in one table, so that the scanner decides with
 * one load per character. Input is decoded strictly, so surrogates always come in pairs: a high surrogate stands for its
 * whole plane and the low one that follows is let through.
 */

/** May begin a name; the colon is left out, since Namespaces in XML §4 builds QNames of two colon-free names. */
export const NAME_START = 1;
/** May continue a name (colon left out likewise). */
export const NAME = 2;
/** Character data that needs no look: legal, and none of `<`, `&`, `]`, `>`. */
export const PLAIN = 4;
/** Attribute value text that stands for itself: legal, and none of `<`, `&`, `'`, `"`, tab and line ends (XML §3.3.3). */
export const VALUE = 8;
/** White space (production S). */
export const SPACE = 16;
/** A legal Char (XML §2.2). */
export const LEGAL = 32;

/** Flags by UTF-16 code unit. */
export const CLASS: Uint8Array = new Uint8Array(0x10000);

function mark(flag: number, ranges: readonly (readonly [number, number])[]): void {
  for (const [first, last] of ranges) {
    for (let code = first; code <= last; code++) CLASS[code] = (CLASS[code] as number) | flag;
  }
}

function unmark(flag: number, characters: string): void {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    CLASS[code] = (CLASS[code] as number) & ~flag;
  }
}

// XML §2.2, production 2; planes 1 to 16 are all legal, their noncharacters too.
mark(LEGAL | PLAIN | VALUE, [
  [0x9, 0xa],
  [0xd, 0xd],
  [0x20, 0xfffd],
]);
unmark(PLAIN, '<&]>');
unmark(VALUE, '<&\'"\t\n\r');
mark(SPACE, [
  [0x9, 0xa],
  [0xd, 0xd],
  [0x20, 0x20],
]);
// XML §2.3, productions 4 and 4a. The high surrogates of U+10000 to U+EFFFF are D800 to DB7F.
const nameStart: readonly (readonly [number, number])[] = [
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
  [0xc0, 0xd6],
  [0xd8, 0xf6],
  [0xf8, 0x2ff],
  [0x370, 0x37d],
  [0x37f, 0x1fff],
  [0x200c, 0x200d],
  [0x2070, 0x218f],
  [0x2c00, 0x2fef],
  [0x3001, 0xd7ff],
  [0xf900, 0xfdcf],
  [0xfdf0, 0xfffd],
  [0xd800, 0xdb7f],
];
mark(NAME_START | NAME, nameStart);
mark(NAME, [
  [0x2d, 0x2e],
  [0x30, 0x39],
  [0xb7, 0xb7],
  [0x300, 0x36f],
  [0x203f, 0x2040],
  [0xdc00, 0xdfff],
]);

/** Whether a character reference may stand for this code point (XML §4.1, "Legal Character"). */
export function isLegalCodePoint(code: number): boolean {
  if (code > 0xffff) return code <= 0x10ffff;
  return ((CLASS[code] as number) & LEGAL) !== 0 && (code < 0xd800 || code > 0xdfff);
}
