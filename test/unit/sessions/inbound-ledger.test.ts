import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { heldOrigin, type Origin } from '../../../core-server/routing/origin.js';
import { InboundLedger } from '../../../core-server/sessions/inbound-ledger.js';
import { Stanza } from '../../../shared/xml/stanza.js';

const originOf = (ledger: InboundLedger): Origin => ({
  kind: 'session',
  session: null,
  hold: () => ledger.hold(),
});

const message = (id: string | null, to = 'a@b') =>
  Stanza.parse(`<message to='${to}'${id === null ? '' : ` id='${id}'`}><body>x</body></message>`);

test('XEP-0198 §4: a stanza handled later holds its own place, not that of the one received meanwhile', () => {
  const ledger = new InboundLedger();
  ledger.receive(message('1'));
  // its account is being loaded
  const held = heldOrigin(originOf(ledger));
  ledger.receive(message('2'));
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

test('XEP-0198 §5: what is sent again while it is not durable yet is neither handled nor counted twice', () => {
  const ledger = new InboundLedger();
  ledger.restart();
  assert.ok(ledger.receive(message('1')));
  assert.ok(ledger.receive(message('2')));
  const release = ledger.hold();
  assert.ok(ledger.receive(message('3')));
  assert.ok(ledger.receive(message(null)));
  assert.equal(ledger.handled, 1);
  ledger.resumed();
  // something new may come first
  assert.ok(ledger.receive(message('new')));
  for (const id of ['2', '3', null]) assert.equal(ledger.receive(message(id)), false, `${id}`);
  assert.equal(ledger.received, 5);
  // once each: the same again is another
  assert.ok(ledger.receive(message('2')));
  release();
  assert.equal(ledger.handled, 6);
});

test('XEP-0198 §5: what has become durable meanwhile is not expected again, nor anything for long', () => {
  const ledger = new InboundLedger();
  ledger.restart();
  ledger.receive(message('1'));
  const first = ledger.hold();
  ledger.receive(message('2'));
  const second = ledger.hold();
  first();
  assert.equal(ledger.handled, 1);
  ledger.resumed();
  assert.ok(ledger.receive(message('1')), 'the client was told that it is handled');
  for (let i = 0; i < 16; i++) assert.ok(ledger.receive(message(`other${i}`)));
  assert.ok(ledger.receive(message('2')), 'a client that sends nothing again');
  second();
  assert.equal(ledger.handled, ledger.received);
  ledger.resumed();
  assert.ok(ledger.receive(message('2')));
});

test('XEP-0198 §5: what is sent again may have a delay; another stanza of the same id is another', () => {
  const ledger = new InboundLedger();
  ledger.restart();
  const text = (id: string, body: string, delay = '') =>
    Stanza.parse(`<message to='a@b'${id}><body>${body}</body>${delay}</message>`);
  const delays = [
    "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
    "<delay stamp='2026-01-01T00:00:00Z' xmlns='urn:xmpp:delay'>sent again</delay>",
  ];
  for (const id of [" id='1'", '']) {
    ledger.receive(text(id, 'x'));
    ledger.hold();
  }
  ledger.resumed();
  // unique within a stream is enough (RFC 6120 §8.1.3), and this is a new one
  assert.ok(ledger.receive(text(" id='1'", 'new')));
  assert.equal(ledger.receive(text(" id='1'", 'x', delays[0])), false);
  assert.equal(ledger.receive(text('', 'x', delays[1])), false);
});

test('XEP-0205: what is remembered of stanzas beyond h takes little, however large they are', () => {
  const ledger = new InboundLedger();
  ledger.restart();
  ledger.receive(message('held'));
  ledger.hold();
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const used = () => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  for (let i = 0; i < 100; i++) {
    ledger.receive(Stanza.parse(`<message to='a@b' id='${i}${'x'.repeat(200_000)}'/>`));
  }
  const grown = used() - before;
  assert.equal(ledger.handled, 0);
  assert.ok(grown < 5e6, `${Math.round(grown / 1e6)} MB for 100 stanzas of 200 kB`);
});
