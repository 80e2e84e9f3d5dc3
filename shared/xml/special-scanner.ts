import { isLegalCodePoint, LEGAL, NAME, NAME_START } from './characters.js';
import { declarationProblem } from './declaration.js';
import { QuickScanner } from './quick-scanner.js';
import { hexDigit, isPredefined, packCharacter } from './references.js';
import * as states from './states.js';

/** The scanner's way through what is neither text nor tag: references, CDATA, the XML declaration, what XMPP forbids. */
export class SpecialScanner extends QuickScanner {
  /** Consecutive `]` before the character at hand (character data), or `?` (XML declaration). */
  run = 0;
  /** Where a reference stands, in text or in an attribute value. */
  afterReference = states.TEXT;
  /** An entity name packed into a number, or the code point of a character reference, and its length so far. */
  #reference = 0;
  #length = 0;

  /** Takes the character `c` at index `i` in one of the special states; answers the next state. */
  scanSpecial(state: number, i: number, c: number, flags: number): number {
    switch (state) {
      case states.REFERENCE:
        this.#reference = 0;
        this.#length = 0;
        if (c === 0x23) return states.CHARACTER;
        if ((flags & NAME_START) === 0) return this.#refuse(i, 'not-well-formed', 'no reference after &');
        this.#reference = packCharacter(0, this.#length++, c);
        return states.ENTITY;

      case states.ENTITY:
        if ((flags & NAME) !== 0 || c === 0x3a) {
          this.#reference = packCharacter(this.#reference, this.#length++, c);
          return state;
        }
        if (c !== 0x3b) return this.#refuse(i, 'not-well-formed', 'malformed reference');
        // RFC 6120 §11.1: no entities but the predefined.
        if (!isPredefined(this.#reference)) return this.#refuse(i, 'restricted-xml', 'entity reference');
        return this.afterReference;

      case states.CHARACTER:
        return c === 0x78 ? states.HEXADECIMAL : this.#digit(states.DECIMAL, i, c);

      case states.DECIMAL:
      case states.HEXADECIMAL:
        return this.#digit(state, i, c);

      case states.BANG:
        return this.#bang(i, c);

      case states.CDATA:
        if ((flags & LEGAL) === 0) return this.#refuse(i, 'not-well-formed', 'character not allowed in XML');
        if (c === 0x3e && this.run >= 2) {
          this.run = 0;
          return states.TEXT;
        }
        this.run = c === 0x5d ? this.run + 1 : 0;
        return state;

      default: // DECLARATION
        if ((flags & LEGAL) === 0) return this.#refuse(i, 'not-well-formed', 'character not allowed in XML');
        this.carry += String.fromCharCode(c);
        if (c !== 0x3e || this.run === 0) {
          this.run = c === 0x3f ? 1 : 0;
          return state;
        }
        return this.#endDeclaration(i);
    }
  }

  #digit(state: number, i: number, c: number): number {
    const base = state === states.DECIMAL ? 10 : 16;
    const digit = hexDigit(c);
    if (digit < base) {
      this.#reference = Math.min(this.#reference * base + digit, 0x110000);
      this.#length = 1;
      return state;
    }
    if (c !== 0x3b || this.#length === 0) {
      return this.#refuse(i, 'not-well-formed', 'malformed character reference');
    }
    if (!isLegalCodePoint(this.#reference)) {
      return this.#refuse(i, 'not-well-formed', 'reference to a character not allowed in XML');
    }
    return this.afterReference;
  }

  /** `<!` may only begin CDATA; comments and document type declarations are told apart from nonsense (RFC 6120 §11.1). */
  #bang(i: number, c: number): number {
    this.carry += String.fromCharCode(c);
    if (this.carry === '--') return this.#refuse(i, 'restricted-xml', 'comment');
    if (c >= 0x41 && c <= 0x5a && this.carry.length === 1) {
      return this.#refuse(i, 'restricted-xml', 'document type declaration');
    }
    if (!'[CDATA['.startsWith(this.carry) && this.carry !== '-') {
      return this.#refuse(i, 'not-well-formed', 'malformed markup after <!');
    }
    if (this.carry !== '[CDATA[') return states.BANG;
    if (!this.opened) return this.#refuse(i, 'not-well-formed', 'text before the stream header');
    if (this.depth === 0) return this.#refuse(i, 'bad-format', 'text between stanzas');
    this.run = 0;
    return states.CDATA;
  }

  #endDeclaration(i: number): number {
    const problem = declarationProblem(this.carry);
    if (problem !== '') return this.#refuse(i, problem, 'XML declaration');
    this.carry = '';
    return this.endUnit(i + 1) ? states.PROLOG : states.REFUSED;
  }

  #refuse(i: number, condition: string, text: string): number {
    this.fail(i, condition, text);
    return states.REFUSED;
  }
}
