import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldOrigin, type Origin } from '../../../core-server/routing/origin.js';
import { InboundLedger } from '../../../core-server/sessions/session.js';

const originOf = (ledger: InboundLedger): Origin => ({
  kind: 'session',
  session: null,
  hold: () => ledger.hold(),
});

test('XEP-0198 §4: a stanza handled later holds its own place, not that of the one received meanwhile', () => {
  const ledger = new InboundLedger();
  ledger.received++;
  // its account is being loaded
  const held = heldOrigin(originOf(ledger));
  ledger.received++;
  assert.equal(ledger.handled, 0);
  const stored = held.origin.hold();
  held.release();
  assert.equal(ledger.handled, 0);
  stored();
  stored();
  assert.equal(ledger.handled, 2);
});

test('XEP-0198 §4: counting anew forgets what is held from before', () => {
  const ledger = new InboundLedger();
  ledger.received = 5;
  const release = ledger.hold();
  ledger.restart();
  assert.equal(ledger.handled, 0);
  ledger.received++;
  assert.equal(ledger.handled, 1);
  release();
  assert.equal(ledger.handled, 1);
});
