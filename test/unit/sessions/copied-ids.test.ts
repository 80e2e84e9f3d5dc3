import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CopiedIds } from '../../../core-server/messages/copied-ids.js';
import { Stanza } from '../../../shared/xml/stanza.js';

test('XEP-0280: of a copied message its id is remembered, not the message, nor an id as long as one', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const ids = new CopiedIds();
  const copied = (id: string) => {
    const text = Buffer.from(`<message id='${id}'><body>${'x'.repeat(200_000)}</body></message>`).toString();
    ids.add(Stanza.parse(text).id ?? '');
  };
  copied('first-of-these-messages');
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 60; n++)
    copied(`11111111-2222-3333-4444-${n}${n % 2 === 0 ? '' : 'x'.repeat(100_000)}`);
  gc();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 3e6, `${Math.round(grown / 1e6)} MB for 60 ids`);
  assert.ok(ids.has('first-of-these-messages') && ids.has('11111111-2222-3333-4444-58'));
  for (let n = 0; n < 64; n++) ids.add(`later${n}`);
  assert.ok(!ids.has('11111111-2222-3333-4444-58'));
});
