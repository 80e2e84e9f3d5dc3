import { CLASS, LEGAL, NAME_START, PLAIN, SPACE, VALUE } from './characters.js';
import { matchesAt } from './names.js';
import { SpecialScanner } from './special-scanner.js';
import {
  ATTRIBUTE_NAME,
  ATTRIBUTE_VALUE,
  BANG,
  BETWEEN,
  CLOSED,
  DECLARATION,
  EMPTY,
  END_NAME,
  END_SPACE,
  EQUALS,
  IN_TAG,
  MARKUP,
  PROLOG,
  QUOTE,
  REFERENCE,
  REFUSED,
  START,
  TAG_NAME,
  TEXT,
} from './states.js';

/** What ended a call of {@link Scanner.scan}. */
export const NOTHING = 0;
export const HEADER = 1;
export const STANZA = 2;
export const CLOSE = 3;
export const WHITESPACE = 4;
export const FAILURE = 5;

/** Of a run of plain text longer than this, the rest is left to the regular expression engine, twice as fast a character. */
const shortRun = 32;
const PLAIN_RUN = /[^<&\]>\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*/y;

/**
 * The strict scanner of one XMPP stream (RFC 6120 §11): frames first-level elements and validates them completely in one
 * pass over the characters, without building anything from what lies below their start tags. It is resumable at every
 * character and raises each error at one fixed character, so that its verdict does not depend on how input is cut.
 */
export class Scanner extends SpecialScanner {
  /** Index in the text after what the last event consumed. */
  position = 0;
  /** Whether white space between stanzas is reported. */
  reportWhitespace = false;

  #state = START;
  #restarted = false;
  #atStart = false;

  /** Expects a new stream header. White space first may still belong to the stream before (a newline after `</auth>`). */
  restart(): void {
    this.resetStream();
    this.#state = START;
    this.#restarted = true;
  }

  /** Begins as a new one would, whatever came before. */
  begin(): void {
    this.restart();
    this.#restarted = false;
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
            this.run = 0;
            const soon = Math.min(i + shortRun, end);
            do i++;
            while (i < soon && ((CLASS[text.charCodeAt(i)] as number) & PLAIN) !== 0);
            if (i === soon) {
              PLAIN_RUN.lastIndex = i;
              PLAIN_RUN.test(text);
              i = PLAIN_RUN.lastIndex;
            }
          } else if (c === 0x3c) {
            this.run = 0;
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
            this.run = 0;
            this.afterReference = TEXT;
            state = REFERENCE;
            i++;
          } else if (c === 0x5d) {
            this.run++;
            i++;
          } else if (c === 0x3e) {
            // XML §2.4: "]]>" must not appear in content.
            if (this.run >= 2) return this.fail(i, 'not-well-formed', ']]> in character data');
            this.run = 0;
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
            this.carry = '<?';
            this.run = 1;
            state = DECLARATION;
            i++;
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
            this.run = 0;
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
            this.afterReference = ATTRIBUTE_VALUE;
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
          this.run = 0;
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
              this.run = 0;
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

        case CLOSED: // The peer may send nothing more (RFC 6120 §4.4), and nothing more is read.
          i = end;
          break;

        default: {
          const next = this.scanSpecial(state, i, c, flags);
          if (next === REFUSED) return this.#leave(i, state, FAILURE);
          state = next;
          i++;
        }
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
