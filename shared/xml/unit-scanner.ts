import { detachedCopy } from './names.js';
import { NamespaceScope } from './namespace-scope.js';

/** What one peer may send. */
export interface XmlLimits {
  /** Bytes (UTF-8) of one first-level element, of the stream header, or of one tag that does not end. */
  readonly stanzaBytes: number;
  /** Nested elements, the first-level element counted as 1. */
  readonly depth: number;
  /** Attributes of one element, namespace declarations included. */
  readonly attributes: number;
  /** Elements in one first-level element, itself counted; absent: any number. */
  readonly elements?: number;
}

/** The text of the problem where an element is larger than it may be. */
export const STANZA_TOO_BIG = 'stanza too big';

/** `scan` answers this when it sets `problem`. */
const FAILURE = 5;
const piecesTogether = 256;

/**
 * The scanner's memory of the unit at hand: a first-level element, the stream header, the XML declaration or the end
 * tag of the stream, gathered across chunks and measured against the limits.
 */
export class UnitScanner {
  /** The stream error condition found, and a text for the operator and the peer. */
  problem = '';
  problemText = '';
  /** Open elements of the current first-level element. */
  depth = 0;
  /** Elements of it so far. */
  elements = 0;
  /** The stream header has been seen. */
  opened = false;
  /** Default namespace of the stream. */
  defaultNamespace = '';
  /** Source of the unit that was completed last. */
  unit = '';
  unitOpen = false;
  limits: XmlLimits;
  readonly scope: NamespaceScope = new NamespaceScope();

  /** The chunk at hand. */
  protected text = '';
  #ascii = true;
  /** Index in the chunk at which the unit begins or goes on. */
  #start = 0;
  /** Characters and bytes of the unit in earlier chunks, and their text in pieces. */
  #characters = 0;
  #bytes = 0;
  #pieces: string[] | undefined;
  #joined: string[] | undefined;

  constructor(limits: XmlLimits) {
    this.limits = limits;
  }

  beginChunk(text: string, from: number, ascii: boolean): void {
    this.text = text;
    this.#ascii = ascii;
    if (this.unitOpen) this.#start = from;
  }

  beginUnit(i: number): void {
    this.#start = i;
    this.#characters = 0;
    this.#bytes = 0;
    this.elements = 0;
    this.unitOpen = true;
  }

  /** Offset in the unit of index `i` of the chunk. */
  offset(i: number): number {
    return this.#characters + i - this.#start;
  }

  /** Completes the unit, which ends before index `i`. */
  endUnit(i: number): boolean {
    const last = this.#start === 0 && i === this.text.length ? this.text : this.text.slice(this.#start, i);
    if (
      this.#bytes + last.length * 3 > this.limits.stanzaBytes &&
      this.#bytesUpTo(i) > this.limits.stanzaBytes
    ) {
      return this.refuse('policy-violation', STANZA_TOO_BIG);
    }
    this.unit = this.#characters === 0 ? last : this.#gathered() + last;
    this.unitOpen = false;
    return true;
  }

  #gathered(): string {
    const last = this.#pieces?.join('') ?? '';
    const text = this.#joined === undefined ? last : this.#joined.join('') + last;
    this.#joined = undefined;
    this.#pieces = undefined;
    return text;
  }

  /** The part of an unfinished unit that has come so far, and forgets it. */
  abandonUnit(): string {
    this.unitOpen = false;
    this.depth = 0;
    this.scope.leaveUnit();
    this.resetToken();
    return this.#gathered();
  }

  /** The chunk is used up: keeps what belongs to the unfinished unit. */
  suspend(): boolean {
    const text = this.text;
    if (!this.unitOpen) return true;
    this.suspendToken();
    const piece = text.slice(this.#start);
    const bytes = this.#bytesUpTo(text.length);
    if (bytes > this.limits.stanzaBytes) return this.refuse('policy-violation', STANZA_TOO_BIG);
    this.#bytes = bytes;
    this.#characters += piece.length;
    this.#start = 0;
    // A short piece must not keep its whole chunk alive while the peer takes its time.
    const own = piece.length * 2 < text.length ? detachedCopy(piece) : piece;
    if (this.#pieces === undefined) this.#pieces = [own];
    else this.#pieces.push(own);
    // Joining in two steps bounds what a peer costs that sends single bytes, and copies each character twice at most.
    if (this.#pieces.length === piecesTogether) {
      const joined = this.#pieces.join('');
      if (this.#joined === undefined) this.#joined = [joined];
      else this.#joined.push(joined);
      this.#pieces = undefined;
    }
    return true;
  }

  /** Keeps the part of a token that must be known when it is complete. */
  suspendToken(): void {}

  /** Forgets a token that was begun. */
  resetToken(): void {}

  #bytesUpTo(i: number): number {
    if (this.#ascii) return this.#bytes + i - this.#start;
    return this.#bytes + Buffer.byteLength(this.text.slice(this.#start, i), 'utf8');
  }

  /** Records what is wrong; false, so that it can be returned. */
  refuse(condition: string, text: string): false {
    this.problem = condition;
    this.problemText = text;
    return false;
  }

  /**
   * Records what is wrong with the character at index `i`. What lies beyond the size limit is never looked at, however
   * input is cut: an error there is the limit's.
   */
  fail(i: number, condition: string, text: string): number {
    this.refuse(condition, text);
    if (this.unitOpen) {
      const c = this.text.charCodeAt(i);
      const width = c >= 0xd800 && c <= 0xdbff ? 2 : 1;
      if (this.#bytesUpTo(i + width) > this.limits.stanzaBytes)
        this.refuse('policy-violation', STANZA_TOO_BIG);
    }
    return FAILURE;
  }

  nameFailure(): number {
    return FAILURE;
  }

  /** The stream header is complete: what it declared holds for the stream. */
  openStream(): void {
    this.opened = true;
    this.scope.keepForStream();
  }

  resetStream(): void {
    this.opened = false;
    this.depth = 0;
    this.defaultNamespace = '';
    this.unitOpen = false;
    this.unit = '';
    this.text = '';
    this.#pieces = undefined;
    this.#joined = undefined;
    this.resetToken();
    this.scope.reset();
  }
}
