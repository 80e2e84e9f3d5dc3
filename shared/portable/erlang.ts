import { TextScanner } from './text-scanner.js';

/** An atom of Erlang. */
export class Atom {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A tuple of Erlang. */
export class Tuple {
  readonly parts: readonly Term[];
  constructor(parts: readonly Term[]) {
    this.parts = parts;
  }
}

/** A term as Erlang prints it; binaries as octets, strings as lists of numbers, what cannot be written (a process) as null. */
export type Term = number | Atom | Tuple | Buffer | readonly Term[] | null;

/** Terms, each ended by a full stop, as `io:format("~p.~n")` prints them (in latin1). @throws SyntaxError */
export function* parseErlangTerms(file: Buffer): Generator<Term> {
  const parser = new Parser(file.toString('latin1'));
  while (!parser.atEnd()) {
    yield parser.term();
    parser.sign('.');
  }
}

/** A binary's, atom's or string's text. */
export function textOfTerm(term: Term | undefined): string {
  if (term instanceof Atom) return term.name;
  if (Buffer.isBuffer(term)) return term.toString('utf8');
  if (Array.isArray(term) && term.every((part) => typeof part === 'number'))
    return String.fromCodePoint(...(term as number[]));
  return typeof term === 'number' ? String(term) : '';
}

/** The parts of a tuple with that tag. */
export function tagged(term: Term | undefined, tag: string): readonly Term[] | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [first, ...rest] = term.parts;
  return first instanceof Atom && first.name === tag ? rest : undefined;
}

/** A list of `{name, value}` as a map. */
export function properties(term: Term | undefined): Map<string, Term> {
  const found = new Map<string, Term>();
  if (!Array.isArray(term)) return found;
  for (const entry of term as readonly Term[]) {
    if (!(entry instanceof Tuple)) continue;
    const [key, value] = entry.parts;
    if (key instanceof Atom && value !== undefined) found.set(key.name, value);
  }
  return found;
}

/** The elements of a list; none where it is none. */
export function listOf(term: Term | undefined): readonly Term[] {
  return Array.isArray(term) ? (term as readonly Term[]) : [];
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  e: '\x1b',
  s: ' ',
  d: '\x7f',
};
const DEPTH = 500;

class Parser {
  readonly #scanner: TextScanner;
  #depth = 0;

  constructor(text: string) {
    this.#scanner = new TextScanner(text, /(?:\s+|%[^\n]*)*/y);
  }

  atEnd(): boolean {
    return this.#scanner.atEnd();
  }

  sign(sign: string): void {
    this.#scanner.sign(sign);
  }

  term(): Term {
    if (++this.#depth > DEPTH) this.#scanner.fail('a shallower term');
    try {
      if (this.#scanner.skip('<<')) return this.#binary();
      if (this.#scanner.skip('{')) return new Tuple(this.#sequence('}'));
      if (this.#scanner.skip('[')) return this.#sequence(']');
      if (this.#scanner.skip('"'))
        return [...this.#quoted('"')].map((character) => character.codePointAt(0) ?? 0);
      if (this.#scanner.skip("'")) return new Atom(Buffer.from(this.#quoted("'"), 'latin1').toString('utf8'));
      // Maps, processes, references and functions: nothing that moves.
      if (this.#scanner.skip('#{')) return this.#map();
      if (this.#scanner.match(/#(?:Ref|Fun|Port)<[^>]*>|<\d+\.\d+\.\d+>/y) !== undefined) return null;
      return this.#number() ?? this.#atom();
    } finally {
      this.#depth--;
    }
  }

  #number(): number | undefined {
    const number = this.#scanner.match(/-?\d+(?:\.\d+(?:e[-+]?\d+)?)?/y);
    return number === undefined ? undefined : Number(number);
  }

  #atom(): Atom {
    const name = this.#scanner.match(/[a-z][\w@]*/y);
    return name === undefined ? this.#scanner.fail('a term') : new Atom(name);
  }

  #sequence(end: string): Term[] {
    const parts: Term[] = [];
    if (this.#scanner.skip(end)) return parts;
    for (;;) {
      parts.push(this.term());
      if (this.#scanner.skip('|')) this.term();
      else if (this.#scanner.skip(',')) continue;
      this.#scanner.sign(end);
      return parts;
    }
  }

  #map(): null {
    while (!this.#scanner.skip('}')) {
      this.term();
      this.#scanner.sign('=>');
      this.term();
      this.#scanner.skip(',');
    }
    return null;
  }

  #binary(): Buffer {
    const parts: Buffer[] = [];
    while (!this.#scanner.skip('>>')) {
      if (this.#scanner.skip('"')) {
        const text = this.#quoted('"');
        parts.push(Buffer.from(text, this.#scanner.match(/\/utf8/y) === undefined ? 'latin1' : 'utf8'));
      } else {
        this.#scanner.space();
        parts.push(Buffer.from([this.#number() ?? this.#scanner.fail('an octet')]));
      }
      this.#scanner.skip(',');
    }
    return Buffer.concat(parts);
  }

  #quoted(quote: string): string {
    return this.#scanner.quoted(quote, ESCAPES, () => {
      const hexadecimal = this.#scanner.match(/x\{[\da-fA-F]+\}/y);
      if (hexadecimal !== undefined)
        return String.fromCodePoint(Number.parseInt(hexadecimal.slice(2, -1), 16));
      const octal = this.#scanner.match(/[0-7]{1,3}/y);
      return octal === undefined ? undefined : String.fromCharCode(Number.parseInt(octal, 8));
    });
  }
}
