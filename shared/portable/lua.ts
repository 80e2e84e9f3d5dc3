import { TextScanner } from './text-scanner.js';

/** A value of Lua as Prosody's files hold it. Strings are octets: each character is one (`latin1`). */
export type LuaValue = string | number | boolean | LuaTable;
type LuaKey = string | number | boolean;

/** A table: its keys in the order in which they were written. */
export class LuaTable {
  readonly entries = new Map<LuaKey, LuaValue>();

  /** A table of named values; undefined ones are left out. */
  static of(values: Readonly<Record<string, LuaValue | undefined>>): LuaTable {
    const table = new LuaTable();
    for (const [key, value] of Object.entries(values)) if (value !== undefined) table.entries.set(key, value);
    return table;
  }

  /** Values at 1, 2, …. */
  static list(values: readonly LuaValue[]): LuaTable {
    const table = new LuaTable();
    for (const [at, value] of values.entries()) table.entries.set(at + 1, value);
    return table;
  }

  get(key: LuaKey): LuaValue | undefined {
    return this.entries.get(key);
  }

  table(key: LuaKey): LuaTable | undefined {
    const value = this.entries.get(key);
    return value instanceof LuaTable ? value : undefined;
  }

  /** A string's text. */
  text(key: LuaKey): string | undefined {
    const value = this.entries.get(key);
    return typeof value === 'string' ? textOfOctets(value) : undefined;
  }

  number(key: LuaKey): number | undefined {
    const value = this.entries.get(key);
    return typeof value === 'number' ? value : undefined;
  }

  flag(key: LuaKey): boolean {
    return this.entries.get(key) === true;
  }

  /** The values at 1, 2, …, up to the first that is missing. */
  items(): LuaValue[] {
    const found: LuaValue[] = [];
    for (let at = 1; ; at++) {
      const value = this.entries.get(at);
      if (value === undefined) return found;
      found.push(value);
    }
  }

  /** Entries whose key is a text, decoded. */
  *named(): Iterable<[string, LuaValue]> {
    for (const [key, value] of this.entries) if (typeof key === 'string') yield [textOfOctets(key), value];
  }
}

/** The octets of a Lua string as a text: they are UTF-8. */
export function textOfOctets(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('utf8');
}

/** A text as the octets of a Lua string. */
export function luaText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** `return …;` as Prosody writes a store's file. @throws SyntaxError for anything but a constant. */
export function parseLuaFile(file: Buffer): LuaValue {
  const parser = new Parser(file.toString('latin1'));
  parser.word('return');
  const value = parser.value();
  parser.end();
  if (value === null) throw new SyntaxError('returns nil');
  return value;
}

/** `item(…);` after `item(…);`, as Prosody writes a list. */
export function parseLuaList(file: Buffer): LuaTable[] {
  const parser = new Parser(file.toString('latin1'));
  const items: LuaTable[] = [];
  while (!parser.atEnd()) {
    parser.word('item');
    parser.sign('(');
    const value = parser.value();
    parser.sign(')');
    parser.skip(';');
    if (value instanceof LuaTable) items.push(value);
  }
  return items;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '\n',
};
const DEPTH = 200;

class Parser {
  readonly #scanner: TextScanner;
  #depth = 0;

  constructor(text: string) {
    this.#scanner = new TextScanner(text, /(?:\s+|--[^\n]*)*/y);
  }

  #match(pattern: RegExp): string | undefined {
    this.#scanner.space();
    return this.#scanner.match(pattern);
  }

  atEnd(): boolean {
    return this.#scanner.atEnd();
  }

  skip(sign: string): boolean {
    return this.#scanner.skip(sign);
  }

  sign(sign: string): void {
    this.#scanner.sign(sign);
  }

  end(): void {
    this.skip(';');
    if (!this.atEnd()) this.#scanner.fail('the end');
  }

  word(word: string): void {
    if (this.#match(/[A-Za-z_]\w*/y) !== word) this.#scanner.fail(word);
  }

  value(): LuaValue | null {
    if (this.skip('{')) return this.#table();
    for (const quote of ['"', "'"]) if (this.skip(quote)) return this.#string(quote);
    const number = this.#match(/-?(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)/y);
    if (number !== undefined) return Number(number);
    const word = this.#match(/[A-Za-z_]\w*/y);
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'nil') return null;
    return this.#scanner.fail('a value');
  }

  #table(): LuaTable {
    if (++this.#depth > DEPTH) this.#scanner.fail('a shallower table');
    const table = new LuaTable();
    let next = 1;
    while (!this.skip('}')) {
      const key = this.#key() ?? next++;
      const value = this.value();
      if (value !== null) table.entries.set(key, value);
      if (!this.skip(';') && !this.skip(',')) {
        this.sign('}');
        break;
      }
    }
    this.#depth--;
    return table;
  }

  /** `[…] =` or `name =`; undefined for an item of a list. */
  #key(): LuaKey | undefined {
    if (this.skip('[')) {
      const key = this.value();
      this.sign(']');
      this.sign('=');
      if (key === null || key instanceof LuaTable) this.#scanner.fail('a simple key');
      return key;
    }
    const name = this.#match(/[A-Za-z_]\w*(?=\s*=)/y);
    if (name !== undefined) this.sign('=');
    return name;
  }

  #string(quote: string): string {
    return this.#scanner.quoted(quote, ESCAPES, () => {
      const decimal = this.#scanner.match(/\d{1,3}/y);
      if (decimal !== undefined) return String.fromCharCode(Number(decimal));
      const hexadecimal = this.#scanner.match(/x[\da-fA-F]{2}/y);
      return hexadecimal && String.fromCharCode(Number.parseInt(hexadecimal.slice(1), 16));
    });
  }
}

/** A constant in Lua's syntax, ASCII only. */
export function writeLua(value: LuaValue, indent = ''): string {
  if (typeof value === 'string') return quoted(value);
  if (!(value instanceof LuaTable)) return String(value);
  const inner = `${indent}\t`;
  const items = value.items();
  const lines = items.map((item) => `${inner}${writeLua(item, inner)};\n`);
  for (const [key, entry] of value.entries) {
    if (typeof key === 'number' && Number.isInteger(key) && key >= 1 && key <= items.length) continue;
    const name = typeof key === 'string' ? quoted(key) : String(key);
    lines.push(`${inner}[${name}] = ${writeLua(entry, inner)};\n`);
  }
  return lines.length === 0 ? '{}' : `{\n${lines.join('')}${indent}}`;
}

function quoted(octets: string): string {
  const escaped = octets.replace(/["\\]|[^ -~]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\${String(character.charCodeAt(0)).padStart(3, '0')}`,
  );
  return `"${escaped}"`;
}
