import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamParser } from '../../../shared/xml/stream-parser.js';

const limits = { stanzaBytes: 100_000, depth: 100, attributes: 100 };
const document =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" +
  '<message><body>žluťoučký kůň 🐎</body></message><presence/><message><body>ß</body></message>';

test('a chunk is the caller’s again when write() returns, paused or not, however it is cut', () => {
  const bytes = Buffer.from(document);
  for (const size of [1, 2, 3, 7, 40, 1000]) {
    for (const pausing of [false, true]) {
      const heard: string[] = [];
      const parser: StreamParser = new StreamParser(
        {
          streamOpened: () => {},
          stanza: (stanza) => {
            heard.push(stanza.source);
            if (pausing) parser.pause();
          },
          streamClosed: () => {},
          failed: (error) => assert.fail(error.text),
        },
        limits,
      );
      const lent = Buffer.alloc(size);
      for (let at = 0; at < bytes.length; at += size) {
        const length = bytes.copy(lent, 0, at, at + size);
        parser.write(lent.subarray(0, length));
        lent.fill(0xff);
      }
      for (let turn = 0; turn < 3; turn++) parser.resume();
      assert.deepEqual(heard, [
        '<message><body>žluťoučký kůň 🐎</body></message>',
        '<presence/>',
        '<message><body>ß</body></message>',
      ]);
    }
  }
});

test('what is taken back of a chunk is the text that was not parsed, not what the buffer holds now', () => {
  const parser: StreamParser = new StreamParser(
    { streamOpened: () => parser.pause(), stanza: () => {}, streamClosed: () => {}, failed: () => {} },
    limits,
  );
  const lent = Buffer.from(document);
  parser.write(lent);
  lent.fill(0xff);
  assert.equal(parser.takeRemainder().toString(), document.slice(document.indexOf('<message>')));
});
