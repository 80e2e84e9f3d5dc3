import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toSelfContained } from '../../../core-server/client-link/elements.js';
import { ReceiveCredit, SendCredit } from '../../../shared/client-link/credit.js';
import { OperationWriter, readOperation } from '../../../shared/client-link/operations.js';

// docs/protocols/client-link.md, the parts that both ends share.

const writer = new OperationWriter('bosh.example.com', 'example.com');

test('§5: what is written is read again', () => {
  const open = readOperation(
    writer.write('open', 'Zx81', { to: "o'hara.example", credit: 65_536, secure: true, from: undefined }),
  );
  assert.equal(open?.name, 'open');
  assert.equal(open?.stream, 'Zx81');
  assert.deepEqual(Object.fromEntries(open?.attributes ?? []), {
    stream: 'Zx81',
    to: "o'hara.example",
    credit: '65536',
    secure: 'true',
  });
  const element = "<message xmlns='jabber:client' to='a'><data xmlns='urn:x'>a &gt; b</data></message>";
  const data = readOperation(writer.data('s', element, 17));
  assert.equal(data?.content, element);
  assert.equal(data?.attributes.get('h'), '17');
});

test('§5: the wrapper may be written otherwise', () => {
  const source =
    '<message to="example.com" from=\'bosh.example.com\' x="a>b" >\n <data stream = "s"\n xmlns="urn:entourage:client-link:1">\n<presence xmlns="jabber:client"/>\n</data >\n</message>';
  assert.equal(readOperation(source)?.content, '<presence xmlns="jabber:client"/>');
});

test('§8.1: what is no operation, or has no name of a stream, is refused', () => {
  const wrap = (inside: string) => `<message from='a' to='b'>${inside}</message>`;
  for (const inside of [
    "<frobnicate stream='s'/>",
    '<open/>',
    "<open to='x'/>",
    "<open stream=''/>",
    "<open stream='a b'/>",
    `<open stream='${'x'.repeat(65)}'/>`,
    "<data stream='s'/>",
    "<data stream='s'></data>",
    "<data stream='s'>text</data>",
  ]) {
    assert.equal(readOperation(wrap(inside)), null, inside);
  }
  assert.equal(readOperation('<message/>'), null);
});

test('§6: the last element may carry the credit below zero, and then nothing more', () => {
  const send = new SendCredit(100);
  send.spend(99);
  assert.equal(send.available, true);
  send.spend(500);
  assert.equal(send.available, false);
  send.grant(499);
  assert.equal(send.available, false, 'exactly zero');
  send.grant(1);
  assert.equal(send.available, true);
});

test('§6: both ends count the same, whatever is sent', () => {
  const window = 1_000;
  const send = new SendCredit(window);
  const receive = new ReceiveCredit(window);
  let waiting: number[] = [];
  let seed = 7;
  for (let i = 0; i < 5_000; i++) {
    seed = (seed * 16_807) % 2_147_483_647;
    const bytes = 1 + (seed % 700);
    if (send.available) {
      send.spend(bytes);
      assert.equal(receive.receive(bytes), true);
      waiting.push(bytes);
    }
    if (seed % 3 === 0 || !send.available) {
      for (const one of waiting) send.grant(receive.dispose(one));
      waiting = [];
      assert.equal(send.available, true, 'a sender without credit is granted as soon as all is disposed of');
    }
  }
});

test('§6: data beyond the credit is noticed', () => {
  const receive = new ReceiveCredit(100);
  assert.equal(receive.receive(150), true);
  assert.equal(receive.receive(1), false);
});

test('§5.2: what the core writes on a stream stands alone on the link', () => {
  assert.deepEqual(toSelfContained("<message to='a'><body>hi</body></message>"), [
    "<message xmlns='jabber:client' to='a'><body>hi</body></message>",
  ]);
  assert.deepEqual(toSelfContained('<presence/>'), ["<presence xmlns='jabber:client'/>"]);
  const [features] = toSelfContained(
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
  );
  assert.match(features ?? '', /^<stream:features xmlns:stream='http:\/\/etherx\.jabber\.org\/streams'>/);
  assert.deepEqual(toSelfContained("<success xmlns='urn:x'/><r xmlns='urn:y'/>"), [
    "<success xmlns='urn:x'/>",
    "<r xmlns='urn:y'/>",
  ]);
});
