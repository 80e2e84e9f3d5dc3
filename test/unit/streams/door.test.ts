import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Door } from '../../../core-server/streams/door.js';

test('strangers are counted by network and in all, and leave once', () => {
  const door = new Door({ perAddress: 2, total: 3 });
  const first = door.enter('192.0.2.1');
  door.enter('::ffff:192.0.2.1');
  assert.equal(door.hasRoom('192.0.2.1'), false);
  assert.equal(door.hasRoom('192.0.2.2'), true);
  const third = door.enter('2001:db8::1');
  assert.equal(door.hasRoom('192.0.2.2'), false, 'of all');
  first();
  first();
  assert.equal(door.strangers, 2);
  assert.equal(door.hasRoom('192.0.2.1'), true);
  third();
  door.enter('2001:db8::2');
  door.enter('2001:db8::3');
  assert.equal(door.hasRoom('2001:db8::4'), false, 'a /64 is one place');
});
