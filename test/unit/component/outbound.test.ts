import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { OutboundQueue } from '../../../shared/component/outbound.js';

/** A socket that keeps what is written until it is told to let go. */
class SlowSocket extends Writable {
  readonly writes: string[] = [];
  private release: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    this.release.push(done);
  }
  letGo(): void {
    for (const done of this.release.splice(0)) done();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function make(bytes = 100, lowWater = 20) {
  const socket = new SlowSocket();
  const queue = new OutboundQueue({ bytes, lowWater });
  queue.attach(socket as unknown as Socket);
  return { socket, queue };
}

test('all that is sent in one turn of the event loop is one write', async () => {
  const { socket, queue } = make();
  for (const text of ['<a/>', '<b/>', '<c/>']) assert.ok(queue.push(text));
  assert.deepEqual(socket.writes, []);
  await turn();
  assert.deepEqual(socket.writes, ['<a/><b/><c/>']);
  queue.push('<d/>');
  socket.letGo();
  await turn();
  assert.deepEqual(socket.writes, ['<a/><b/><c/>', '<d/>']);
});

test('bytes count until the operating system has them, in UTF-8', async () => {
  const { socket, queue } = make();
  queue.push('é'.repeat(10));
  assert.equal(queue.bytes, 20);
  await turn();
  assert.equal(queue.bytes, 20);
  socket.letGo();
  assert.equal(queue.bytes, 0);
});

test('above the limit nothing is taken but answers, and those up to twice the limit', async () => {
  const { queue } = make();
  assert.ok(queue.push('x'.repeat(100)));
  assert.equal(queue.push('y'), false);
  assert.equal(queue.pushAnswer('z'.repeat(100)), true);
  assert.equal(queue.pushAnswer('z'), false);
});

test('drained waits for the low-water mark', async () => {
  const { socket, queue } = make();
  await queue.drained();
  queue.push('x'.repeat(90));
  let drained = false;
  const waiting = queue.drained().then(() => {
    drained = true;
  });
  await turn();
  assert.equal(drained, false);
  socket.letGo();
  await waiting;
  assert.equal(drained, true);
});

test('without a stream nothing is taken, and drained waits for the next one', async () => {
  const { queue } = make();
  queue.push('lost');
  queue.detach();
  assert.equal(queue.bytes, 0);
  assert.equal(queue.push('x'), false);
  assert.equal(queue.pushAnswer('x'), false);
  let drained = false;
  const waiting = queue.drained().then(() => {
    drained = true;
  });
  await turn();
  assert.equal(drained, false);
  const next = new SlowSocket();
  queue.attach(next as unknown as Socket);
  await waiting;
  assert.deepEqual(next.writes, [], 'what waited for the lost stream is not sent on another');
});

test('release lets go of everyone when there will be no other stream', async () => {
  const { queue } = make();
  queue.detach();
  const waiting = queue.drained();
  queue.release();
  await waiting;
});
