import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backlog, type Outbound, SharedBudget } from '../../../core-server/s2s/backlog.js';
import { Stanza } from '../../../shared/xml/stanza.js';

function outbound(id: string, since = 0): Outbound {
  const stanza = Stanza.parse(`<message to='a@b' id='${id}'/>`);
  return { stanza, release: () => {}, since };
}
const ids = (all: readonly Outbound[]) => all.map(({ stanza }) => stanza.id);

test('a backlog is bounded in count, size and time, keeps order and gives back its share', () => {
  const budget = new SharedBudget(10_000);
  const counted = new Backlog({ stanzas: 2, size: 10_000, milliseconds: 100 }, budget);
  assert.ok(counted.push(outbound('1', 0)) && counted.push(outbound('2', 60)));
  assert.ok(!counted.push(outbound('3', 60)), 'count');
  counted.unshift([outbound('0', 0)]);
  assert.deepEqual(ids(counted.takeExpired(101)), ['0', '1']);
  assert.equal(counted.shift()?.stanza.id, '2');
  assert.equal(budget.used, 0);
  const sized = new Backlog({ stanzas: 100, size: 50, milliseconds: 100 }, budget);
  assert.ok(sized.push(outbound('1')));
  assert.ok(!sized.push(outbound('2')), 'size');
  budget.used = 9_990;
  const other = new Backlog({ stanzas: 100, size: 5000, milliseconds: 100 }, budget);
  assert.ok(!other.push(outbound('1')), 'what all backlogs share');
});
