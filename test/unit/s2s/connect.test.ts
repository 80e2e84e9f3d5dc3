import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { connectToFirst } from '../../../core-server/s2s/connect.js';
import { DescriptorBudget } from '../../../shared/net/descriptors.js';

test('connections that we open come out of the same file descriptors as those that we accept', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const budget = new DescriptorBudget(100, () => 74);
  const take = () => budget.take();
  const first = await connectToFirst(['127.0.0.1'], port, 5000, take);
  t.after(() => first?.destroy());
  assert.ok(first !== null);
  assert.ok(take(), 'one is left');
  assert.equal(await connectToFirst(['127.0.0.1', '127.0.0.1'], port, 5000, take), null);
});
