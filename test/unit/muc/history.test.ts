import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyRequest, selectHistory } from '../../../components/muc/history.js';
import type { MessageDocument } from '../../../components/muc/rooms/documents.js';
import { Stanza } from '../../../shared/xml/stanza.js';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1, 12);

function message(number: number, hoursAgo: number): MessageDocument {
  return {
    stanzaId: `s${number}`,
    at: NOW - hoursAgo * HOUR,
    from: 'hag',
    head: `<message id='m${number}' to='`,
    tail: `'><body>${number}</body></message>`,
    live: false,
    delayed: true,
  };
}
const history = [message(1, 4), message(2, 3), message(3, 2), message(4, 1)];
const SIZE = "<message id='m1' to='a@b/c'><body>1</body></message>".length;

/** XEP-0045 §7.2.14. */
test('the newest complete stanzas that meet every criterion', () => {
  const table: [string, number, string][] = [
    ['', 10, '1234'],
    ['', 2, '34'],
    ['', 0, ''],
    ["maxstanzas='3'", 10, '234'],
    ["maxstanzas='0'", 10, ''],
    [`maxchars='${SIZE * 2}'`, 10, '34'],
    [`maxchars='${SIZE * 2 - 1}'`, 10, '4'],
    [`maxchars='${SIZE - 1}'`, 10, ''],
    ["maxchars='0'", 10, ''],
    ["seconds='9000'", 10, '34'],
    ["since='2026-01-01T09:30:00Z'", 10, '34'],
    ["since='2026-01-01T11:30:00+02:00'", 10, '34'],
    ["since='yesterday'", 10, '1234'],
    ["seconds='-1'", 10, '1234'],
    ["seconds='9000' maxstanzas='1'", 10, '4'],
    [`seconds='90000' maxchars='${SIZE * 3}' maxstanzas='9'`, 10, '234'],
  ];
  for (const [attributes, limit, expected] of table) {
    const join = Stanza.parse(
      `<presence><x xmlns='http://jabber.org/protocol/muc'><history ${attributes}/></x></presence>`,
    ).element.getChild('x');
    const chosen = selectHistory(history, historyRequest(join, NOW), limit, 'r@s', 'a@b/c');
    const got = chosen.map((text) => /<body>(\d)/.exec(text.tail)?.[1]).join('');
    assert.equal(got, expected, attributes);
  }
});

test('each is stamped by the room, unless it says itself when it was', () => {
  const request = historyRequest(undefined, NOW);
  const [stamped] = selectHistory([{ ...message(1, 1), delayed: false }], request, 1, 'r@s', 'a@b/c');
  assert.equal(
    `${stamped?.head}a@b/c${stamped?.tail}`,
    "<message id='m1' to='a@b/c'><body>1</body><delay xmlns='urn:xmpp:delay' from='r@s' stamp='2026-01-01T11:00:00.000Z'/></message>",
  );
  const [own] = selectHistory([message(1, 1)], request, 1, 'r@s', 'a@b/c');
  assert.equal(own?.tail, "'><body>1</body></message>");
});
