import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProxyHeader } from '../../../core-server/streams/proxy-header.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const HEADERS: readonly (readonly [string, Buffer, string | null])[] = [
  ['1, IPv4', Buffer.from('PROXY TCP4 198.51.100.7 203.0.113.1 40000 5222\r\n'), '198.51.100.7'],
  ['1, IPv6', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 40000 5222\r\n'), '2001:db8::7'],
  ['1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['2, IPv4', Buffer.from(`${SIGNATURE}2111000cc6336407cb0071019c401466`, 'hex'), '198.51.100.7'],
  ['2, local', Buffer.from(`${SIGNATURE}20000000`, 'hex'), null],
  [
    '2, IPv6',
    Buffer.from(
      `${SIGNATURE}2121002420010db8${'00'.repeat(11)}0720010db8${'00'.repeat(11)}019c401466`,
      'hex',
    ),
    '2001:db8:0:0:0:0:0:7',
  ],
];

for (const [what, header, address] of HEADERS) {
  test(`a header of version ${what}, however it is cut`, () => {
    const whole = Buffer.concat([header, Buffer.from('<stream')]);
    assert.deepEqual(readProxyHeader(whole), { kind: 'whole', address, length: header.length });
    for (let length = 0; length < header.length; length++)
      assert.equal(readProxyHeader(header.subarray(0, length)).kind, 'incomplete', `${length} bytes`);
  });
}

test('what is no header, or says nonsense, is not believed', () => {
  for (const text of [
    '<?xml',
    'PROXY TCP4 nobody 1.2.3.4 1 2\r\n',
    'PROXY TCP6 1.2.3.4 ::1 1 2\r\n',
    `PROXY ${'x'.repeat(120)}`,
  ])
    assert.equal(readProxyHeader(Buffer.from(text)).kind, 'wrong', text);
  assert.equal(readProxyHeader(Buffer.from(`${SIGNATURE}31110000`, 'hex')).kind, 'wrong');
});
