import { hasRightToLeft, satisfiesBidiRule } from './bidi.js';
import { contextAllows, precisProperty } from './code-points.js';

/** The PRECIS profiles that XMPP addresses use (RFC 8264, RFC 8265), written out for our use: string in, string or null out. */

/**
 * UsernameCaseMapped (RFC 8265 §3.3): width, case and NFC mapped, checked against the IdentifierClass and the Bidi Rule.
 * Null where the profile refuses the text (unassigned code points, symbols, spaces, compatibility characters, empty).
 */
export function usernameCaseMapped(text: string): string | null {
  return stable(text, (input) => {
    // §3.3.2: the class is checked before case mapping and NFC, so what those would turn into a valid character
    // (KELVIN SIGN, ANGSTROM SIGN) is refused and not taken for another account's letter.
    const wide = mapWidth(input);
    if (!inClass(wide, false)) return null;
    const mapped = lowerCase(wide).normalize('NFC');
    if (mapped === '' || !inClass(mapped, false)) return null;
    return hasRightToLeft(mapped) && !satisfiesBidiRule(mapped) ? null : mapped;
  });
}

/**
 * OpaqueString (RFC 8265 §4.2): other spaces become SPACE, NFC, checked against the FreeformClass; not empty.
 * The check comes after NFC (RFC 8264 §7), so decomposed Hangul, as some systems write host names, is mapped and
 * accepted rather than refused (RFC 7622 §4, step 1).
 */
export function opaqueString(text: string): string | null {
  return stable(text, (input) => {
    const mapped = input.replace(/\p{Zs}/gu, ' ').normalize('NFC');
    return mapped === '' || !inClass(mapped, true) ? null : mapped;
  });
}

/** RFC 8264 §7: applied until nothing changes, at most three more times; a text that never settles is refused. */
function stable(text: string, rules: (text: string) => string | null): string | null {
  let current: string | null = text;
  for (let round = 0; round < 4; round++) {
    const next: string | null = rules(current);
    if (next === null || next === current) return next;
    current = next;
  }
  return rules(current) === current ? current : null;
}

/**
 * RFC 8265 §3.3.1 (1). Only those code points are mapped whose mapping can be valid in an identifier: fullwidth ASCII
 * and halfwidth kana. The others (fullwidth signs, halfwidth jamo) are refused by the class with and without mapping.
 */
export function mapWidth(text: string): string {
  return text.replace(/[\uFF01-\uFF5E\uFF61-\uFF9F]/g, (char) => char.normalize('NFKC'));
}

/**
 * Unicode toLowerCase of each character for itself: PRECIS makes no difference for a final sigma (RFC 8265 §3.6, examples 5 to 7), so the
 * context that `String.prototype.toLowerCase` minds must not be seen by it.
 */
export function lowerCase(text: string): string {
  if (!text.includes('\u03A3')) return text.toLowerCase();
  return text.replaceAll('\u03A3', '\u03C3').toLowerCase();
}

/** Lone surrogates are in neither class: their derived property is DISALLOWED. */
function inClass(text: string, freeform: boolean): boolean {
  let string: number[] | undefined;
  let index = 0;
  for (const char of text) {
    const cp = char.codePointAt(0) ?? 0;
    switch (precisProperty(cp)) {
      case 'PVALID':
        break;
      case 'FREE_PVAL':
        if (!freeform) return false;
        break;
      case 'CONTEXTJ':
      case 'CONTEXTO':
        string ??= Array.from(text, (other) => other.codePointAt(0) ?? 0);
        if (!contextAllows(string, index)) return false;
        break;
      default:
        return false;
    }
    index++;
  }
  return true;
}
