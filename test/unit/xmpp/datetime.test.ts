import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import {
  delayElement,
  delaysOf,
  formatDateTime,
  parseDateTime,
  parseLegacyDateTime,
} from '../../../shared/xmpp/datetime.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

test('XEP-0082 §3: the examples', () => {
  const moon = Date.UTC(1969, 6, 21, 2, 56, 15);
  assert.equal(parseDateTime('1969-07-21T02:56:15Z'), moon);
  assert.equal(parseDateTime('1969-07-20T21:56:15-05:00'), moon);
});

test('fractions, zones and the end of a day', () => {
  assert.equal(parseDateTime('2002-09-10T23:08:25.5Z'), Date.UTC(2002, 8, 10, 23, 8, 25, 500));
  assert.equal(parseDateTime('2002-09-10T23:08:25.123456789Z'), Date.UTC(2002, 8, 10, 23, 8, 25, 123));
  assert.equal(parseDateTime('2002-09-10T23:08:25+05:30'), Date.UTC(2002, 8, 10, 17, 38, 25));
  assert.equal(parseDateTime('2002-12-31T24:00:00Z'), Date.UTC(2003, 0, 1));
  assert.equal(parseDateTime('0050-01-01T00:00:00Z'), Date.parse('0050-01-01T00:00:00Z'));
});

test('what is no DateTime', () => {
  for (const text of [
    '',
    '2002-09-10T23:08:25',
    '2002-09-10 23:08:25Z',
    '2002-09-10T23:08Z',
    '2002-9-10T23:08:25Z',
    '2002-13-10T23:08:25Z',
    '2002-02-30T23:08:25Z',
    '2001-02-29T00:00:00Z',
    '2002-00-10T23:08:25Z',
    '2002-09-00T23:08:25Z',
    '2002-09-10T25:08:25Z',
    '2002-09-10T23:60:25Z',
    '2002-09-10T23:08:61Z',
    '2002-09-10T24:00:01Z',
    '2002-09-10T23:08:25.Z',
    '2002-09-10T23:08:25+5:00',
    '2002-09-10T23:08:25+15:00',
    '2002-09-10T23:08:25+0500',
    '20020910T23:08:25',
    ' 2002-09-10T23:08:25Z',
  ]) {
    assert.equal(parseDateTime(text), null, text);
  }
});

test('what we write, we read', () => {
  const time = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
  assert.equal(formatDateTime(time), '2026-02-03T04:05:06.007Z');
  assert.equal(parseDateTime(formatDateTime(time)), time);
});

test('XEP-0082 §4: legacy notations are read in both forms', () => {
  const time = Date.UTC(2002, 8, 10, 23, 8, 25);
  assert.equal(parseLegacyDateTime('20020910T23:08:25'), time);
  assert.equal(parseLegacyDateTime('2002-09-10T23:08:25Z'), time);
  assert.equal(parseLegacyDateTime('20020931T23:08:25'), null);
});

test('XEP-0203: delay notes are written and read, the legacy ones too', () => {
  const stamp = Date.UTC(2002, 8, 10, 23, 8, 25);
  const message = xml(
    'message',
    {},
    delayElement({ from: 'capulet.com', stamp, reason: 'Offline Storage' }),
    xml('x', { xmlns: NS.legacyDelay, from: 'b', stamp: '20020910T23:08:25' }),
    xml('delay', { xmlns: NS.delay, stamp: 'yesterday' }),
    xml('delay', { stamp: formatDateTime(stamp) }),
  );
  assert.deepEqual(delaysOf(message), [
    { from: 'capulet.com', stamp, reason: 'Offline Storage' },
    { from: 'b', stamp, reason: undefined },
  ]);
});
