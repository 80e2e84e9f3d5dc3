import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { DescriptorBudget, spareDescriptors } from '../../../shared/net/descriptors.js';
import { recordingLogger } from '../../tools/silent-logger.js';

test('descriptors are counted when those that were free are used up, and some are left', () => {
  let open = 30;
  let counts = 0;
  const budget = new DescriptorBudget(100, () => {
    counts++;
    return open;
  });
  let taken = 0;
  while (budget.take()) {
    taken++;
    open++;
  }
  // 24 are kept; the second count, at once, is not made
  assert.equal(taken, 46);
  assert.equal(counts, 1);
});

test('a listener without descriptors closes what comes, and goes on with what is there', async (t) => {
  let free = 1;
  const budget = { take: () => free-- > 0 } as unknown as DescriptorBudget;
  const server = createServer((socket) => socket.pipe(socket));
  spareDescriptors(server, recordingLogger(), budget);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const first = connect(port, '127.0.0.1');
  t.after(() => first.destroy());
  await once(first, 'connect');
  const second = connect(port, '127.0.0.1');
  second.resume();
  await once(second, 'close');
  first.write('still here');
  const [echo] = (await once(first, 'data')) as [Buffer];
  assert.equal(echo.toString(), 'still here');
});
