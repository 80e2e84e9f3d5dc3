import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Pep } from '../../../components/pep/context.js';
import { Accounts } from '../../../components/pep/nodes/accounts.js';
import { openNodeStore } from '../../../components/pep/nodes/node-store.js';
import { publish } from '../../../components/pep/requests/publish.js';
import { child } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';

test('an item that is known costs its id, not the stanza that it was published by', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const limits = { maxItems: 100, maxPayloadBytes: 200_000 };
  const storage = createMemoryStorage();
  const { archive } = storage;
  // nothing of a payload stays in the store either: only what the process itself keeps counts
  storage.archive = (definition) => {
    const real = archive(definition);
    return { ...real, append: async (owner) => real.append(owner, { ...EMPTY } as never) };
  };
  const accounts = new Accounts(openNodeStore(storage), limits);
  const pep = {
    accounts,
    limits: { nodesPerAccount: 1_000, nodeBytes: 1e9 },
    notifier: { event: () => undefined },
    nodeChanged: () => undefined,
    nodesCreated: (owner: string) => accounts.noteOwner(owner),
  } as unknown as Pep;
  const owner = 'juliet@capulet.lit';
  const one = async (n: number): Promise<void> => {
    const text = Buffer.from(
      `<pubsub xmlns='${NS.pubsub}'><publish node='urn:example:nodes:${n}'>` +
        `<item id='111f4b3c50d7b0df729d299bc6f8e9ef${n}'><x xmlns='urn:x'>${'x'.repeat(100_000)}</x></item></publish></pubsub>`,
    ).toString();
    const pubsub = Stanza.parse(text).element;
    const action = child(pubsub, 'publish', NS.pubsub);
    assert.ok(action);
    await accounts.with(owner, (account) =>
      publish(pep, { from: jid(`${owner}/balcony`), owner, pubsub, action }, account),
    );
  };
  await one(0);
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 1; n <= 100; n++) await one(n);
  gc();
  const bytes = process.memoryUsage().heapUsed - before;
  await accounts.with(owner, (account) => assert.equal(account.size, 101));
  // the stanzas together are 10 MB
  assert.ok(bytes < 3_000_000, `100 items keep ${bytes} bytes`);
});

const EMPTY = { id: 'x', publisher: 'juliet@capulet.lit', stamp: 0, payload: '' };
