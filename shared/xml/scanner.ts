import { CLASS, isLegalCodePoint, LEGAL, NAME, NAME_START, PLAIN, SPACE, VALUE } from './characters.js';
import { declarationProblem } from './declaration.js';
import { matchesAt } from './names.js';
import { QuickScanner } from './quick-scanner.js';
import { hexDigit, isPredefined, packCharacter } from './references.js';

/** What ended a call of {@link Scanner.scan}. */
export const NOTHING = 0;
export const HEADER = 1;
export const STANZA = 2;
export const CLOSE = 3;
export const WHITESPACE = 4;
export const FAILURE = 5;

// Where the scanner is. Everything a state must remember lies in fields, so that input may be cut anywhere.
const START = 0; // nothing of this stream seen yet: an XML declaration may come
const PROLOG = 1; // before the stream header
const BETWEEN = 2; // between first-level elements
const MARKUP = 3; // after '<'
const DECLARATION = 4; // after '<?' at the start of the stream
const BANG = 5; // after '<!'
const CDATA = 6;
const TAG_NAME = 7;
const IN_TAG = 8; // in a start tag, between attributes
const ATTRIBUTE_NAME = 9;
const EQUALS = 10;
const QUOTE = 11;
const ATTRIBUTE_VALUE = 12;
const EMPTY = 13; // after '/' in a start tag
const END_NAME = 14; // after '</'
const END_SPACE = 15;
const REFERENCE = 16; // after '&'
const ENTITY = 17;
const CHARACTER = 18; // after '&#'
const DECIMAL = 19;
const HEXADECIMAL = 20;
const TEXT = 21; // in an element
const CLOSED = 22;

/** Of a run of plain text longer than this, the rest is left to the regular expression engine, twice as fast a character. */
const shortRun = 32;
const PLAIN_RUN = /[^<&\]>\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*/y;

/**
 * The strict scanner of one XMPP stream (RFC 6120 §11): frames first-level elements and validates them completely in one
 * pass over the characters, without building anything from what lies below their start tags. It is resumable at every
 * character and raises each error at one fixed character, so that its verdict does not depend on how input is cut.
 */
export class Scanner extends QuickScanner {
  /** Index in the text after what the last event consumed. */
  position = 0;
  /** Whether white space between stanzas is reported. */
  reportWhitespace = false;

  #state = START;
  #restarted = false;
  #atStart = false;
  /** Consecutive ']' (character data), or the '?' before '>' (declaration). */
  #run = 0;
  #afterReference = TEXT;
  /** Characters of an entity name packed into a number, or the code point of a character reference. */
  #reference = 0;
  #referenceLength = 0;

  /** Expects a new stream header. White space first may still belong to the stream before (a newline after `</auth>`). */
  restart(): void {
    this.resetStream();
    this.#state = START;
    this.#restarted = true;
  }

  /** Takes back what has come of an unfinished unit, as if it had not been seen. */
  takePartial(): string {
    if (!this.unitOpen) return '';
    this.#state = this.opened ? BETWEEN : this.#atStart ? START : PROLOG;
    return this.abandonUnit();
  }

  /** Takes a stream as opened, with that default namespace: for first-level elements that come without one. */
  resumeIn(defaultNamespace: string): void {
    this.resetStream();
    this.opened = true;
    this.defaultNamespace = defaultNamespace;
    this.#state = BETWEEN;
  }

  /** Scans `text` from index `from` to the next event. `ascii` says that each character is one byte. */
  scan(text: string, from: number, ascii: boolean): number {
    const end = text.length;
    let i = from;
    let state = this.#state;
    let flags = 0;
    let c = 0;
    this.beginChunk(text, from, ascii);
    while (i < end) {
      c = text.charCodeAt(i);
      flags = CLASS[c] as number;
      switch (state) {
        case TEXT:
          if ((flags & PLAIN) !== 0) {
            this.#run = 0;
            const soon = Math.min(i + shortRun, end);
            do i++;
            while (i < soon && ((CLASS[text.charCodeAt(i)] as number) & PLAIN) !== 0);
            if (i === soon) {
              PLAIN_RUN.lastIndex = i;
              PLAIN_RUN.test(text);
              i = PLAIN_RUN.lastIndex;
            }
          } else if (c === 0x3c) {
            this.#run = 0;
            i++;
            if (i === end) {
              state = MARKUP;
            } else if (text.charCodeAt(i) === 0x2f) {
              const after = this.quickEndTag(text, i + 1);
              if (after < 0) state = MARKUP;
              else if (this.depth === 0) return this.#finishUnit(after, STANZA, BETWEEN);
              else i = after;
            } else {
              const after = this.quickStartTag(text, i);
              if (after < 0) state = MARKUP;
              else i = after;
            }
          } else if (c === 0x26) {
            this.#run = 0;
            this.#afterReference = TEXT;
            state = REFERENCE;
            i++;
          } else if (c === 0x5d) {
            this.#run++;
            i++;
          } else if (c === 0x3e) {
            // XML §2.4: "]]>" must not appear in content.
            if (this.#run >= 2) return this.fail(i, 'not-well-formed', ']]> in character data');
            this.#run = 0;
            i++;
          } else {
            return this.fail(i, 'not-well-formed', 'character not allowed in XML');
          }
          break;

        case MARKUP:
          if ((flags & NAME_START) !== 0) {
            this.beginTag();
            state = TAG_NAME;
          } else if (c === 0x2f) {
            if (!this.opened) return this.fail(i, 'not-well-formed', 'end tag before the stream header');
            this.beginName();
            state = END_NAME;
            i++;
          } else if (c === 0x21) {
            this.carry = '';
            state = BANG;
            i++;
          } else if (c === 0x3f) {
            // RFC 6120 §11.1 and §11.5: the XML declaration is all that may begin so.
            if (!this.#atStart) return this.fail(i, 'restricted-xml', 'processing instruction');
            this.carry = '<';
            this.#run = 0;
            state = DECLARATION;
          } else if (c === 0 && this.#atStart) {
            return this.fail(i, 'unsupported-encoding', 'UTF-16 or UTF-32');
          } else {
            return this.fail(i, 'not-well-formed', 'no name after <');
          }
          break;

        case TAG_NAME:
          i = this.scanName(text, i);
          if (i < 0) return this.nameFailure();
          if (this.name !== '') {
            this.takeTagName();
            state = IN_TAG;
          }
          break;

        case IN_TAG:
          if ((flags & SPACE) !== 0) {
            this.spaced = true;
            i++;
          } else if ((flags & NAME_START) !== 0) {
            if (!this.spaced) return this.fail(i, 'not-well-formed', 'no white space before attribute');
            this.beginAttribute(i);
            state = ATTRIBUTE_NAME;
          } else if (c === 0x3e) {
            this.markTagEnd(i);
            if (!this.openElement(false)) return this.fail(i, this.problem, this.problemText);
            i++;
            this.#run = 0;
            if (this.depth === 0) return this.#finishUnit(i, HEADER, BETWEEN);
            state = TEXT;
          } else if (c === 0x2f) {
            this.markTagEnd(i);
            state = EMPTY;
            i++;
          } else {
            return this.fail(i, 'not-well-formed', 'malformed start tag');
          }
          break;

        case ATTRIBUTE_NAME:
          i = this.scanName(text, i);
          if (i < 0) return this.nameFailure();
          if (this.name !== '') {
            if (!this.takeAttributeName()) return this.fail(i, this.problem, this.problemText);
            state = EQUALS;
          }
          break;

        case EQUALS:
          if (c === 0x3d) state = QUOTE;
          else if ((flags & SPACE) === 0) return this.fail(i, 'not-well-formed', 'attribute without value');
          i++;
          break;

        case QUOTE:
          i++;
          if (c === 0x22 || c === 0x27) {
            this.beginValue(i, c);
            state = ATTRIBUTE_VALUE;
          } else if ((flags & SPACE) === 0) {
            return this.fail(i - 1, 'not-well-formed', 'attribute value without quotes');
          }
          break;

        case ATTRIBUTE_VALUE:
          if ((flags & VALUE) !== 0) {
            do i++;
            while (i < end && ((CLASS[text.charCodeAt(i)] as number) & VALUE) !== 0);
          } else if (c === this.quote) {
            if (!this.endValue(i)) return this.fail(i, this.problem, this.problemText);
            state = IN_TAG;
            i++;
          } else if (c === 0x22 || c === 0x27 || (flags & SPACE) !== 0) {
            i++;
          } else if (c === 0x26) {
            this.#afterReference = ATTRIBUTE_VALUE;
            state = REFERENCE;
            i++;
          } else {
            return this.fail(i, 'not-well-formed', 'character not allowed in an attribute value');
          }
          break;

        case EMPTY:
          if (c !== 0x3e) return this.fail(i, 'not-well-formed', 'no > after / in a tag');
          if (!this.openElement(true)) return this.fail(i, this.problem, this.problemText);
          i++;
          this.#run = 0;
          if (this.depth === 0)
            return this.opened ? this.#finishUnit(i, STANZA, BETWEEN) : this.#finishUnit(i, HEADER, CLOSED);
          state = TEXT;
          break;

        case END_NAME:
          if (
            this.nameFresh &&
            matchesAt(text, i, this.expectedEnd) &&
            text.charCodeAt(i + this.expectedEnd.length) === 0x3e
          ) {
            i += this.expectedEnd.length;
            state = END_SPACE;
            break;
          }
          i = this.scanName(text, i);
          if (i < 0) return this.nameFailure();
          if (this.name !== '') {
            if (this.name !== this.expectedEnd)
              return this.fail(i, 'not-well-formed', 'end tag does not match');
            state = END_SPACE;
          }
          break;

        case END_SPACE:
          i++;
          if (c === 0x3e) {
            if (this.depth === 0) return this.#finishUnit(i, CLOSE, CLOSED);
            this.closeElement();
            if (this.depth === 0) return this.#finishUnit(i, STANZA, BETWEEN);
            state = TEXT;
          } else if ((flags & SPACE) === 0) {
            return this.fail(i - 1, 'not-well-formed', 'malformed end tag');
          }
          break;

        case BETWEEN:
          if (c === 0x3c) {
            this.beginUnit(i);
            this.#atStart = false;
            this.beginTag();
            i++;
            const after = this.quickStartTag(text, i);
            if (after < 0) {
              state = MARKUP;
            } else {
              if (this.depth === 0) return this.#finishUnit(after, STANZA, BETWEEN);
              this.#run = 0;
              state = TEXT;
              i = after;
            }
          } else if ((flags & SPACE) !== 0) {
            do i++;
            while (i < end && ((CLASS[text.charCodeAt(i)] as number) & SPACE) !== 0);
            if (this.reportWhitespace) return this.#leave(i, BETWEEN, WHITESPACE);
          } else if ((flags & LEGAL) === 0) {
            return this.fail(i, 'not-well-formed', 'character not allowed in XML');
          } else {
            // Well-formed, but nothing XMPP can process (RFC 6120 §4.9.3.1, §11.7): only white space may stand here.
            return this.fail(i, 'bad-format', 'text between stanzas');
          }
          break;

        case START:
        case PROLOG:
          if (c === 0x3c) {
            this.beginUnit(i);
            this.#atStart = state === START;
            state = MARKUP;
          } else if ((flags & SPACE) !== 0) {
            if (!this.#restarted) state = PROLOG;
          } else if (c === 0 && state === START) {
            return this.fail(i, 'unsupported-encoding', 'UTF-16 or UTF-32');
          } else {
            return this.fail(i, 'not-well-formed', 'text before the stream header');
          }
          i++;
          break;

        case REFERENCE:
          this.#reference = 0;
          this.#referenceLength = 0;
          if (c === 0x23) {
            state = CHARACTER;
            i++;
          } else if ((flags & NAME_START) !== 0) {
            state = ENTITY;
          } else {
            return this.fail(i, 'not-well-formed', 'no reference after &');
          }
          break;

        case ENTITY:
          if ((flags & NAME) !== 0 || c === 0x3a) {
            this.#reference = packCharacter(this.#reference, this.#referenceLength++, c);
          } else if (c !== 0x3b) {
            return this.fail(i, 'not-well-formed', 'malformed reference');
          } else if (!isPredefined(this.#reference)) {
            return this.fail(i, 'restricted-xml', 'entity reference');
          } else {
            state = this.#afterReference;
          }
          i++;
          break;

        case CHARACTER:
          if (c === 0x78) {
            state = HEXADECIMAL;
            i++;
          } else {
            state = DECIMAL;
          }
          break;

        case DECIMAL:
        case HEXADECIMAL: {
          const digit = hexDigit(c);
          const base = state === DECIMAL ? 10 : 16;
          if (digit < base) {
            this.#reference = Math.min(this.#reference * base + digit, 0x110000);
            this.#referenceLength = 1;
          } else if (c !== 0x3b || this.#referenceLength === 0) {
            return this.fail(i, 'not-well-formed', 'malformed character reference');
          } else if (!isLegalCodePoint(this.#reference)) {
            return this.fail(i, 'not-well-formed', 'reference to a character not allowed in XML');
          } else {
            state = this.#afterReference;
          }
          i++;
          break;
        }

        case BANG: {
          this.carry += text.charAt(i);
          if (this.carry === '--') return this.fail(i, 'restricted-xml', 'comment');
          if (c >= 0x41 && c <= 0x5a && this.carry.length === 1) {
            return this.fail(i, 'restricted-xml', 'document type declaration');
          }
          if (!'[CDATA['.startsWith(this.carry) && this.carry !== '-') {
            return this.fail(i, 'not-well-formed', 'malformed markup after <!');
          }
          if (this.carry === '[CDATA[') {
            if (!this.opened) return this.fail(i, 'not-well-formed', 'text before the stream header');
            if (this.depth === 0) return this.fail(i, 'bad-format', 'text between stanzas');
            this.#run = 0;
            state = CDATA;
          }
          i++;
          break;
        }

        case CDATA:
          if ((flags & LEGAL) === 0) return this.fail(i, 'not-well-formed', 'character not allowed in XML');
          if (c === 0x3e && this.#run >= 2) {
            state = TEXT;
            this.#run = 0;
          } else {
            this.#run = c === 0x5d ? this.#run + 1 : 0;
          }
          i++;
          break;

        case DECLARATION:
          if ((flags & LEGAL) === 0) return this.fail(i, 'not-well-formed', 'character not allowed in XML');
          this.carry += text.charAt(i);
          if (c === 0x3e && this.#run === 1) {
            const problem = declarationProblem(this.carry);
            if (problem !== '') return this.fail(i, problem, 'XML declaration');
            i++;
            this.carry = '';
            state = PROLOG;
            if (!this.endUnit(i)) return this.fail(i - 1, this.problem, this.problemText);
          } else {
            this.#run = c === 0x3f ? 1 : 0;
            i++;
          }
          break;

        default: // CLOSED: the peer may send nothing more (RFC 6120 §4.4), and nothing more is read.
          i = end;
      }
    }
    return this.suspend() ? this.#leave(i, state, NOTHING) : this.#leave(i, state, FAILURE);
  }

  #leave(position: number, state: number, event: number): number {
    this.position = position;
    this.#state = state;
    this.text = '';
    return event;
  }

  #finishUnit(position: number, event: number, next: number): number {
    if (!this.endUnit(position)) return this.#leave(position, next, FAILURE);
    if (event === HEADER) this.openStream();
    this.#restarted = false;
    return this.#leave(position, next, event);
  }

  /** True where the stream header was an empty-element tag: the stream is over as it opens. */
  get closed(): boolean {
    return this.#state === CLOSED;
  }
}
