import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mucInProcess } from '../../tools/muc/in-process.js';

test('a room that changes takes its place in the list of rooms, and one that ends leaves it', async () => {
  const world = await mucInProcess(true);
  const { directory } = world.service;
  const config = (name: string) => ({ public: true, name }) as never;
  const names = async () => (await directory.list()).map(({ jid, name }) => `${jid.split('@')[0]}=${name}`);
  assert.deepEqual(await names(), []);
  for (const local of ['m', 'a', 'z', 'b']) directory.changed(local, config(local.toUpperCase()), false);
  assert.deepEqual(await names(), ['a=A', 'b=B', 'm=M', 'z=Z']);
  directory.changed('m', config('Middle'), false);
  directory.changed('a', null, false);
  directory.changed('z', config('Z'), true);
  directory.changed('nobody', null, false);
  assert.deepEqual(await names(), ['b=B', 'm=Middle']);
});
