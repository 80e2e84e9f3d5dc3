import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { utf8Prefix } from '../../../shared/xml/utf8.js';
import { random } from './generator.js';

/** The longest valid prefix, found the slow way. */
function longest(bytes: Uint8Array): number {
  for (let length = bytes.length; ; length--) if (isUtf8(bytes.subarray(0, length))) return length;
}

/** Whether some continuation makes the bytes valid: at most three bytes are missing, and these fit whatever is begun. */
function completable(bytes: Uint8Array): boolean {
  const endings = [[], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0xa0, 0x80], [0x90, 0x80, 0x80]];
  return endings.some((ending) => isUtf8(Buffer.concat([bytes, Buffer.from(ending)])));
}

function check(bytes: Uint8Array): void {
  const length = longest(bytes);
  assert.deepEqual(
    utf8Prefix(bytes),
    { length, invalid: !completable(bytes.subarray(length)) },
    Buffer.from(bytes).toString('hex'),
  );
}

test('every pair of bytes, alone and followed by text', () => {
  for (let first = 0x70; first <= 0xff; first++) {
    for (let second = 0x70; second <= 0xff; second++) {
      check(Buffer.from([first, second]));
      check(Buffer.from([0x41, first, second, 0x41]));
    }
  }
});

test('every lead byte with edges of what may follow', () => {
  const edges = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf0];
  for (let first = 0xc0; first <= 0xff; first++) {
    check(Buffer.from([first]));
    for (const second of edges) {
      for (const third of edges) {
        check(Buffer.from([first, second, third]));
        for (const fourth of edges) check(Buffer.from([0xc3, 0xa9, first, second, third, fourth]));
      }
    }
  }
});

test('damaged text', () => {
  const next = random(7);
  const text = Buffer.from('aé☃😀\u{10ffff}\ud7ff\ue000 plain');
  for (let i = 0; i < 3000; i++) {
    const bytes = Buffer.from(text);
    bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    check(bytes.subarray(0, Math.floor(next() * (bytes.length + 1))));
  }
});
