import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamParser } from '../../../shared/xml/stream-parser.js';

/** Characters looked at and characters copied while `act` runs, counted at the primitives that do it. */
function work(act: () => void): { looked: number; copied: number } {
  const counts = { looked: 0, copied: 0 };
  const { charCodeAt, slice } = String.prototype;
  const { join } = Array.prototype;
  const decode = Buffer.prototype.toString;
  const { concat } = Buffer;
  String.prototype.charCodeAt = function (this: string, index: number): number {
    counts.looked++;
    return charCodeAt.call(this, index);
  };
  String.prototype.slice = function (this: string, from?: number, to?: number): string {
    const result = slice.call(this, from, to);
    counts.copied += result.length;
    return result;
  };
  Array.prototype.join = function (this: unknown[], separator?: string): string {
    const result = join.call(this, separator);
    counts.copied += result.length;
    return result;
  };
  Buffer.prototype.toString = function (
    this: Buffer,
    ...options: [BufferEncoding?, number?, number?]
  ): string {
    const result = decode.apply(this, options);
    counts.copied += result.length;
    return result;
  };
  Buffer.concat = (list: readonly Uint8Array[], length?: number) => {
    const result = concat(list, length);
    counts.copied += result.length;
    return result;
  };
  try {
    act();
  } finally {
    String.prototype.charCodeAt = charCodeAt;
    String.prototype.slice = slice;
    Array.prototype.join = join;
    Buffer.prototype.toString = decode;
    Buffer.concat = concat;
  }
  return counts;
}

const SIZE = 64 * 1024;
const fill = (unit: string): string => unit.repeat(Math.ceil(SIZE / unit.length));

const shapes: readonly (readonly [string, string])[] = [
  ['text', `<a>${fill('hello ')}</a>`],
  ['text of many bytes a character', `<a>${fill('é☃😀')}</a>`],
  ['text of brackets', `<a>${fill(']')}</a>`],
  ['references', `<a>${fill('&amp;')}</a>`],
  ['a long reference', `<a>&#${fill('0')}65;</a>`],
  ['CDATA', `<a><![CDATA[${fill(']x')}]]></a>`],
  ['an attribute of the root', `<a b='${fill('x&lt;')}'/>`],
  ['a namespace name', `<a><b xmlns:p='${fill('x')}' p:c='1'/></a>`],
  ['a name', `<${fill('n')}/>`],
  ['names of an element and its end tag', `<a><${fill('n')}></${fill('n')}></a>`],
  ['white space in a tag', `<a${fill(' ')}/>`],
  ['many elements', `<a>${fill('<b c="d"/>')}</a>`],
  ['deep elements', `<a>${'<b>'.repeat(9000)}${'</b>'.repeat(9000)}</a>`],
  ['many attributes', `<a ${Array.from({ length: 6000 }, (_, i) => `a${i}='1'`).join(' ')}/>`],
];

/** Looks at each character, and copies it, at most this often, however input is cut. */
const TIMES = 8;

for (const [name, stanza] of shapes) {
  test(`work grows with the length of input only, a byte at a time too: ${name}`, () => {
    const bytes = Buffer.from(stanza);
    for (const size of [1, 7, 1000, bytes.length]) {
      let stanzas = 0;
      const parser = new StreamParser(
        {
          streamOpened: () => {},
          stanza: () => stanzas++,
          streamClosed: () => {},
          failed: (error) => assert.fail(error.text),
        },
        { stanzaBytes: 10_000_000, depth: 10_000, attributes: 10_000 },
      );
      parser.write(Buffer.from("<s xmlns='jabber:client'>"));
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const { looked, copied } = work(() => {
        for (const chunk of chunks) parser.write(chunk);
      });
      assert.equal(stanzas, 1);
      assert.ok(looked <= TIMES * bytes.length, `looked at ${looked} of ${bytes.length}, cut by ${size}`);
      assert.ok(copied <= TIMES * bytes.length, `copied ${copied} of ${bytes.length}, cut by ${size}`);
    }
  });
}
