import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { BoshClient, message } from '../../tools/bosh-client.js';
import { startBosh } from '../../tools/bosh-server.js';

test('a session that floods takes its share and no more', async () => {
  const bosh = await startBosh({ polling: 0 });
  const session = async () => {
    const client = new BoshClient(bosh.port);
    await client.create({ wait: 0, hold: 1 });
    return client;
  };
  const [flooder, bystander] = [await session(), await session()];
  const counts = { flood: 0, bystander: 0 };
  let running = true;
  const large = message('flood', 'x'.repeat(50_000));
  const lane = async (client: BoshClient, payload: string, name: keyof typeof counts) => {
    while (running) {
      const { body } = await client.send({}, payload);
      assert.equal(body.attrs['type'], undefined);
      counts[name]++;
    }
  };
  // As much at once as the flooder may; the bystander asks one thing at a time.
  const lanes = [
    lane(flooder, large, 'flood'),
    lane(flooder, large, 'flood'),
    lane(bystander, message('small'), 'bystander'),
  ];
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  running = false;
  await Promise.all(lanes);
  assert.ok(counts.bystander * 4 >= counts.flood, `${counts.bystander} beside ${counts.flood}`);
  await bosh.stop();
});

test('a client that does not read its responses costs its own window, and others nothing', async () => {
  const bosh = await startBosh({ polling: 0, wait: 30 });
  const slow = new BoshClient(bosh.port);
  await slow.create();
  const stream = bosh.upstream.last;
  const socket = connect(bosh.port, '127.0.0.1');
  const body = slow.text();
  socket.pause();
  socket.write(`POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = stream.takenBytes;
  // Far more than a socket's buffers hold.
  for (let i = 0; i < 100; i++) stream.say(message(`${i}`, 'x'.repeat(200_000)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(stream.takenBytes, before, 'nothing is granted for what was not taken');
  const other = new BoshClient(bosh.port);
  await other.create({ wait: 0 });
  assert.equal((await other.send({}, message('m'))).body.attrs['type'], undefined);
  socket.resume();
  await stream.until(() => stream.takenBytes > before + 100 * 200_000);
  socket.destroy();
  await bosh.stop();
});
