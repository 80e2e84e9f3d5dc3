import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnerQueue } from '../../../shared/component/owner-queue.js';

function make(limitPerOwner = 10) {
  const failures: unknown[] = [];
  return { queue: new OwnerQueue({ limitPerOwner, failed: (error) => failures.push(error) }), failures };
}

function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

test('work that waits for nothing runs at once and leaves nothing behind', () => {
  const { queue } = make();
  const done: number[] = [];
  queue.run('a', () => void done.push(1));
  queue.run('a', () => void done.push(2));
  assert.deepEqual(done, [1, 2]);
  assert.equal(queue.size, 0);
});

test('an owner’s work is done in order, another’s is not held up', async () => {
  const { queue } = make();
  const done: string[] = [];
  const first = gate();
  queue.run('a', async () => {
    await first.passed;
    done.push('a1');
  });
  queue.run('a', () => void done.push('a2'));
  queue.run('b', () => void done.push('b1'));
  assert.deepEqual(done, ['b1']);
  assert.equal(queue.size, 1);
  first.open();
  await queue.idle();
  assert.deepEqual(done, ['b1', 'a1', 'a2']);
  assert.equal(queue.size, 0);
});

test('work that is added while its owner’s queue empties keeps the order', async () => {
  const { queue } = make();
  const done: number[] = [];
  const step = (n: number) => async (): Promise<void> => {
    await Promise.resolve();
    done.push(n);
    if (n < 5) queue.run('a', step(n + 1));
  };
  queue.run('a', step(1));
  queue.run('a', () => void done.push(99));
  await queue.idle();
  assert.deepEqual(done, [1, 99, 2, 3, 4, 5]);
});

test('what throws, at once or later, is heard of and holds up nobody', async () => {
  const { queue, failures } = make();
  const done: number[] = [];
  queue.run('a', () => {
    throw new Error('at once');
  });
  queue.run('a', async () => {
    throw new Error('later');
  });
  queue.run('a', () => {
    throw new Error('in the queue');
  });
  queue.run('a', () => void done.push(1));
  await queue.idle();
  assert.deepEqual(failures.map(String), ['Error: at once', 'Error: later', 'Error: in the queue']);
  assert.deepEqual(done, [1]);
});

test('an owner’s queue is bounded', async () => {
  const { queue } = make(2);
  const first = gate();
  assert.equal(
    queue.run('a', () => first.passed),
    true,
  );
  assert.deepEqual(
    [1, 2, 3].map(() => queue.run('a', () => undefined)),
    [true, true, false],
  );
  assert.equal(
    queue.run('b', () => undefined),
    true,
  );
  first.open();
  await queue.idle();
});

test('idle resolves at once where nothing is to be done', async () => {
  await make().queue.idle();
});
