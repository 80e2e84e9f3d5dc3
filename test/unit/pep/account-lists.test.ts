import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Account } from '../../../components/pep/nodes/account.js';
import type { Subscription } from '../../../components/pep/nodes/node.js';
import type { NodeConfig } from '../../../components/pep/nodes/node-config.js';
import type { NodeStore } from '../../../components/pep/nodes/node-store.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';

test('who subscribes to all nodes of an account together is bounded: it is one document, written with each change', async () => {
  const store = { saveAccount: async () => 1, putAccount: async () => 1 } as unknown as NodeStore;
  const account = new Account('juliet@a.example', store, { next: 1, version: 0, nodes: [] });
  const config = { overrides: {} } as unknown as NodeConfig;
  const local = 'x'.repeat(900);
  const subscriptions = Array.from(
    { length: 1_000 },
    (_, n): Subscription => ({ jid: `${n}${local}@b.example`, subid: String(n), state: 'subscribed' }),
  );
  const nodes = [];
  for (const name of ['one', 'two', 'three'])
    nodes.push(await account.create(name, 'juliet@a.example', config));
  const [one, two, three] = nodes;
  assert.ok(one && two && three);
  const full = await account.change(one, { subscriptions });
  const refused = (error: unknown) =>
    error instanceof StanzaError && error.condition === 'resource-constraint';
  await account.change(two, {
    affiliations: Object.fromEntries(subscriptions.slice(0, 900).map(({ jid }) => [jid, 'member' as const])),
  });
  await assert.rejects(account.change(three, { subscriptions: subscriptions.slice(0, 300) }), refused);
  assert.equal(account.node('three')?.subscriptions.length, 0);
  // shorter it can always be, and then there is room
  await account.change(full, { subscriptions: subscriptions.slice(0, 500) });
  await account.change(three, { subscriptions: subscriptions.slice(0, 300) });
});

test('the configuration of a node is bounded: it is part of that document', async () => {
  const store = { saveAccount: async () => 1 } as unknown as NodeStore;
  const account = new Account('juliet@a.example', store, { next: 1, version: 0, nodes: [] });
  const titled = (length: number) =>
    ({ overrides: { 'pubsub#title': 'x'.repeat(length) } }) as unknown as NodeConfig;
  const refused = (error: unknown) => error instanceof StanzaError && error.condition === 'not-acceptable';
  await assert.rejects(account.create('one', 'juliet@a.example', titled(20_000)), refused);
  assert.equal(account.size, 0);
  const one = await account.create('one', 'juliet@a.example', titled(10_000));
  await assert.rejects(account.change(one, { config: titled(20_000) }), refused);
  assert.equal(account.node('one'), one);
});
