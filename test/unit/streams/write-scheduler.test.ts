import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  afterWrites,
  flushNow,
  flushThisTurn,
  flushWhereDue,
} from '../../../core-server/streams/write-scheduler.js';

/** Counts how often it was flushed. */
function target(): { flush(): void; flushed: number } {
  return {
    flushed: 0,
    flush() {
      this.flushed++;
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Keeps the processor busy for so long. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('writes of one turn', () => {
  test('leave at its end, once for each target', async () => {
    const one = target();
    const other = target();
    flushThisTurn(one);
    flushThisTurn(other);
    assert.equal(one.flushed + other.flushed, 0);
    await turn();
    assert.deepEqual([one.flushed, other.flushed], [1, 1]);
    await turn();
    assert.deepEqual([one.flushed, other.flushed], [1, 1]);
  });

  test('leave earlier where it has grown long, and what comes after them at its end', async () => {
    const early = target();
    const late = target();
    flushThisTurn(early);
    work(2);
    flushWhereDue();
    assert.equal(early.flushed, 1);
    flushThisTurn(late);
    assert.equal(late.flushed, 0);
    await turn();
    assert.deepEqual([early.flushed, late.flushed], [1, 1]);
  });

  test('are all over when what waits for them is said, which leaves in the same turn', async () => {
    const said: string[] = [];
    const named = (name: string) => ({ flush: () => void said.push(name) });
    flushThisTurn(named('sender: a message for it'));
    afterWrites(() => {
      said.push('handled');
      flushThisTurn(named('sender: an acknowledgement'));
    });
    // dirty after the sender's own connection, and what is acknowledged is for this one
    flushThisTurn(named('recipient'));
    await turn();
    assert.deepEqual(said, [
      'sender: a message for it',
      'recipient',
      'handled',
      'sender: an acknowledgement',
    ]);
    afterWrites(() => said.push('now'));
    flushNow();
    assert.equal(said.at(-1), 'now');
  });

  test('wait the longer, the more of them there are', async () => {
    const many = Array.from({ length: 100_000 }, target);
    for (const each of many) flushThisTurn(each);
    work(2);
    flushWhereDue();
    assert.equal(many[0]?.flushed, 0);
    await turn();
    assert.ok(many.every(({ flushed }) => flushed === 1));
  });
});
