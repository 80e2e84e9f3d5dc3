import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DialbackKeys } from '../../../core-server/s2s/dialback-key.js';

test('XEP-0185 §3: the example', () => {
  const keys = new DialbackKeys('s3cr3tf0rd14lb4ck');
  const key = '37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643';
  assert.equal(keys.make('xmpp.example.com', 'example.org', 'D60000229F'), key);
  assert.ok(keys.check(key, 'xmpp.example.com', 'example.org', 'D60000229F'));
  assert.ok(!keys.check(key, 'xmpp.example.com', 'example.org', 'D60000229E'));
  assert.ok(!keys.check(key, 'example.org', 'xmpp.example.com', 'D60000229F'));
  assert.ok(!keys.check('', 'xmpp.example.com', 'example.org', 'D60000229F'));
});

test('XEP-0220 §2.1.1 and §2.2.2: the examples of the two secrets', () => {
  assert.equal(
    new DialbackKeys('s3cr3tf0rd14lb4ck').make('montague.example', 'capulet.example', 'D60000229F'),
    'b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3',
  );
  assert.equal(
    new DialbackKeys('d14lb4ck43v3r').make('capulet.example', 'montague.example', '417GAF25'),
    '225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d',
  );
});
