import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readableLine } from '../../../shared/observability/log-text.js';

const line = (fields: object): string =>
  `muc     ${JSON.stringify({ level: 'info', time: '2026-11-21T08:55:00.779Z', process: 'muc', ...fields })}`;

const TABLE: readonly [what: string, given: string, readable: string][] = [
  [
    'the fields that every line has come first',
    line({ code: 'component.connected', host: '127.0.0.1', port: 5347, tls: false, msg: 'accepted' }),
    '08:55:00 INFO  muc     accepted [component.connected] host=127.0.0.1 port=5347 tls=false',
  ],
  [
    'what a peer has chosen cannot steer the terminal',
    line({ code: 'x', claimed: '\u001b[2Jme you', msg: 'm' }),
    '08:55:00 INFO  muc     m [x] claimed="\\u001b[2Jme you"',
  ],
  [
    'lists are shown whole',
    line({ code: 'x', names: ['a', 'b'], msg: 'm' }),
    '08:55:00 INFO  muc     m [x] names=["a","b"]',
  ],
  ['other lines stay', 'ready c2s=[::]:5222', 'ready c2s=[::]:5222'],
  ['half a line stays', 'core {"level":"info","ti', 'core {"level":"info","ti'],
];

for (const [what, given, readable] of TABLE) {
  test(`a log line at a terminal: ${what}`, () => assert.equal(readableLine(given), readable));
}
