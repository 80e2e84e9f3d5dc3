import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressList } from '../../../shared/net/address-list.js';
import { isLoopback } from '../../../shared/net/loopback.js';

test('addresses and networks', () => {
  const list = new AddressList(['192.0.2.0/24', '2001:db8::7']);
  for (const address of ['192.0.2.9', '::ffff:192.0.2.9', '2001:db8::7'])
    assert.ok(list.has(address), address);
  for (const address of ['192.0.3.9', '2001:db8::8', 'unknown']) assert.ok(!list.has(address), address);
});

test('what is neither an address nor a network is named', () => {
  for (const wrong of [
    'proxy.example.com',
    '10.0.0.0/33',
    '10.0.0.0/x',
    '10.0.0.0/',
    '::1/129',
    '10.0.0.0/8/8',
    '',
  ])
    assert.throws(
      () => new AddressList([wrong]),
      { name: 'RangeError', message: `${wrong} is not an address or a network` },
      wrong,
    );
});

test('addresses of this machine, however a socket writes them', () => {
  for (const own of ['127.0.0.1', '127.8.9.10', '::ffff:127.0.0.1', '::1']) assert.ok(isLoopback(own), own);
  for (const other of ['192.0.2.1', '::ffff:192.0.2.1', '::2', 'unknown', '127', ''])
    assert.ok(!isLoopback(other), other);
});
