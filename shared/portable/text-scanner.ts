/** Reads a text from its beginning, a token at a time; white space and comments between tokens mean nothing. */
export class TextScanner {
  readonly #text: string;
  readonly #between: RegExp;
  #at = 0;

  /** `between`: a sticky expression of what may stand between two tokens; it also fits nothing. */
  constructor(text: string, between: RegExp) {
    this.#text = text;
    this.#between = between;
  }

  fail(expected: string): never {
    throw new SyntaxError(`${expected} expected at character ${this.#at}`);
  }

  space(): void {
    this.match(this.#between);
  }

  atEnd(): boolean {
    this.space();
    return this.#at >= this.#text.length;
  }

  /** Takes a sign, if it is next. */
  skip(sign: string): boolean {
    this.space();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  sign(sign: string): void {
    if (!this.skip(sign)) this.fail(sign);
  }

  /** Takes what a sticky expression fits, right here. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** The rest of a string up to its quote; `code` takes a numeric escape behind a backslash, if there is one. */
  quoted(quote: string, escapes: Readonly<Record<string, string>>, code: () => string | undefined): string {
    let text = '';
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined) this.fail(quote);
      if (character === quote) return text;
      if (character !== '\\') {
        text += character;
        continue;
      }
      const coded = code();
      if (coded !== undefined) text += coded;
      else {
        const escaped = this.#text[this.#at++] ?? '';
        text += escapes[escaped] ?? escaped;
      }
    }
  }
}
