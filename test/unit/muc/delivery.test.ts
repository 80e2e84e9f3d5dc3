import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Delivery } from '../../../components/muc/delivery.js';
import { Work } from '../../../components/muc/work.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function harness() {
  const sent: string[] = [];
  /** `fail`: nothing of the batch is durable, or all but the work of that place. */
  const commits: { finish(): void; fail(which?: number): void; size: number }[] = [];
  const state = { connected: true, room: Number.POSITIVE_INFINITY };
  let drained: () => void = () => undefined;
  const send = (text: string): boolean => {
    if (!state.connected || state.room <= 0) return false;
    state.room--;
    sent.push(text);
    return true;
  };
  const delivery = new Delivery({
    log: recordingLogger(),
    send,
    connected: () => state.connected,
    drained: () =>
      new Promise((resolve) => {
        drained = resolve;
      }),
    commit(batch) {
      const settle: ((failed: boolean) => void)[] = [];
      const settleAll = (failed: (place: number) => boolean) => {
        for (const [place, one] of settle.entries()) one(failed(place));
      };
      commits.push({
        finish: () => settleAll(() => false),
        fail: (which) => settleAll((place) => which === undefined || place === which),
        size: batch.length,
      });
      return batch.map((of) => ({
        of,
        done: new Promise<void>((resolve, reject) =>
          settle.push((failed) => (failed && of.writes ? reject(new Error('disk full')) : resolve())),
        ),
      }));
    },
    failed: () => ['error'],
    broadcast: ({ text, to }, from) => (send(`${text.head}${to[from]}`) ? 1 : 0),
    backlog: 10,
  });
  return { delivery, sent, commits, state, drain: () => drained() };
}

/** Work that says `text`; `durable` work writes something first. */
function work(text: string, durable: boolean): Work {
  const made = new Work(null);
  made.send(text);
  if (durable) made.messages.push({} as never);
  return made;
}

test('nothing of a piece of work leaves before it is durable, and all leaves in order', async () => {
  const { delivery, sent, commits } = harness();
  delivery.submit(work('plain', false));
  assert.deepEqual(sent, ['plain'], 'what writes nothing does not wait');
  delivery.submit(work('one', true));
  delivery.submit(work('two', false));
  delivery.submit(work('three', true));
  await turn();
  assert.deepEqual(sent, ['plain']);
  assert.equal(commits.length, 1);
  assert.equal(commits[0]?.size, 3, 'one turn, one batch');
  delivery.submit(work('four', true));
  await turn();
  assert.equal(commits.length, 1, 'one batch at a time');
  commits[0]?.finish();
  await turn();
  assert.deepEqual(sent, ['plain', 'one', 'two', 'three']);
  commits[1]?.finish();
  await delivery.settled();
  assert.deepEqual(sent, ['plain', 'one', 'two', 'three', 'four']);
});

test('what cannot be made durable is refused to its sender, not shown to others', async () => {
  const { delivery, sent, commits } = harness();
  delivery.submit(work('message', true));
  delivery.submit(work('reads only', false));
  await turn();
  commits[0]?.fail();
  await delivery.settled();
  assert.deepEqual(sent, ['error', 'reads only']);
});

test('of a batch that is durable in part only the rest is refused', async () => {
  const { delivery, sent, commits } = harness();
  const notified: string[] = [];
  for (const text of ['one', 'two', 'three']) {
    const made = work(text, true);
    made.sent.push(() => notified.push(text));
    delivery.submit(made);
  }
  await turn();
  commits[0]?.fail(1);
  await delivery.settled();
  assert.deepEqual(sent, ['one', 'error', 'three']);
  assert.deepEqual(notified, ['one', 'three']);
});

test('whoever waits for a removal to be durable hears of it when it was written again', async () => {
  const { delivery, commits } = harness();
  const heard: string[] = [];
  const removal = new Work(null);
  removal.saveRoom({} as never);
  removal.durable.push(() => heard.push('removed'));
  delivery.submit(removal);
  await turn();
  commits[0]?.fail();
  await delivery.settled();
  assert.deepEqual(heard, []);
  delivery.submit(work('later', true));
  await turn();
  commits[1]?.finish();
  await delivery.settled();
  assert.deepEqual(heard, ['removed']);
});

test('a full stream is waited for, and the fan-out goes on where it stopped', async () => {
  const { delivery, sent, state, drain } = harness();
  state.room = 2;
  const broadcast = new Work(null);
  broadcast.broadcastTo({ head: 'to ', tail: '' }, ['a', 'b', 'c', 'd']);
  delivery.submit(broadcast);
  delivery.submit(work('after', false));
  assert.deepEqual(sent, ['to a', 'to b']);
  state.room = 10;
  drain();
  await delivery.settled();
  assert.deepEqual(sent, ['to a', 'to b', 'to c', 'to d', 'after']);
});

test('a lost link: the interrupted fan-out begins anew, behind what goes first', async () => {
  const { delivery, sent, state } = harness();
  state.room = 1;
  const broadcast = new Work(null);
  broadcast.broadcastTo({ head: 'to ', tail: '' }, ['a', 'b']);
  delivery.submit(broadcast);
  state.connected = false;
  delivery.linkLost();
  delivery.submit(work('again', false), true);
  state.connected = true;
  state.room = 10;
  delivery.linkUp();
  await delivery.settled();
  assert.deepEqual(sent, ['to a', 'again', 'to a', 'to b']);
});

test('it says when more waits than may', () => {
  const { delivery, state } = harness();
  state.connected = false;
  for (let number = 0; number < 11; number++) delivery.submit(work(String(number), false));
  assert.equal(delivery.congested, true);
  state.connected = true;
  delivery.linkUp();
  assert.equal(delivery.congested, false);
});

test('a long text counts as several that wait, what many get once', () => {
  const { delivery, state } = harness();
  state.connected = false;
  const broadcast = new Work(null);
  broadcast.broadcastTo({ head: 'to ', tail: 'x'.repeat(2_048) }, ['a', 'b']);
  delivery.submit(broadcast);
  assert.equal(delivery.congested, false);
  delivery.submit(work('x'.repeat(5_120), false));
  assert.equal(delivery.congested, true);
  state.connected = true;
  delivery.linkUp();
  assert.equal(delivery.congested, false);
});
