import { z } from 'zod';
import type { Storage } from '../../../shared/storage/storage.js';
import { elementText, jidText } from '../../../shared/storage/stored-text.js';
import type { ItemEntry, NewItem } from './node.js';

const affiliation = z.enum(['owner', 'publisher', 'publish-only', 'member', 'outcast', 'none']);
const nodeSchema = z.object({
  name: z.string(),
  number: z.number().int(),
  created: z.number(),
  creator: z.string(),
  config: z.record(z.string(), z.union([z.boolean(), z.string(), z.array(z.string()).readonly()])),
  affiliations: z.record(z.string(), affiliation),
  subscriptions: z.array(
    z.object({ jid: jidText, subid: z.string(), state: z.enum(['subscribed', 'pending']) }),
  ),
});
export type StoredNode = z.infer<typeof nodeSchema>;

const accountSchema = z.object({ next: z.number().int(), nodes: z.array(nodeSchema) });
export type StoredAccount = z.infer<typeof accountSchema>;

const itemSchema = z.object({
  id: z.string(),
  publisher: z.string(),
  stamp: z.number(),
  payload: z.union([z.literal(''), elementText]),
});

/** Nodes by account, in one document; items in an archive per node, so that publishing writes one item and no more. */
export interface NodeStore {
  account(owner: string): Promise<{ readonly value: StoredAccount; readonly version: number } | undefined>;
  /** Resolves with the new version; rejects with `conflict` where the stored one is not `expect` (0: there is none). */
  saveAccount(owner: string, account: StoredAccount, expect: number): Promise<number>;
  owners(): AsyncIterable<string>;
  entries(owner: string, node: number): Promise<readonly ItemEntry[]>;
  payload(owner: string, node: number, place: number): Promise<string | undefined>;
  appendItem(owner: string, node: number, item: NewItem): Promise<number>;
  removeItems(owner: string, node: number, places: readonly number[]): Promise<void>;
  clearItems(owner: string, node: number): Promise<void>;
}

/** What accounts have of nodes and items, in a storage. */
export function openNodeStore(storage: Storage): NodeStore {
  const accounts = storage.keyval({ name: 'nodes', schema: accountSchema, schemaVersion: 1 });
  const items = storage.archive({ name: 'items', schema: itemSchema, schemaVersion: 1 });
  // A space cannot be in a bare JID.
  const archiveOf = (owner: string, node: number): string => `${owner} ${node}`;
  return {
    account: (owner) => accounts.get(owner),
    // An account without nodes and subscriptions keeps nothing but the number that must not come again.
    saveAccount: (owner, account, expect) => accounts.put(owner, account, { expect }),
    owners: () => accounts.owners(),
    async entries(owner, node) {
      const all = await items.page(archiveOf(owner, node));
      return all.map(({ id: place, value: { id, publisher, stamp, payload } }) => ({
        id,
        publisher,
        stamp,
        place,
        size: payload.length,
      }));
    },
    async payload(owner, node, place) {
      const [entry] = await items.page(archiveOf(owner, node), { after: place - 1, limit: 1 });
      return entry?.id === place ? entry.value.payload : undefined;
    },
    appendItem: (owner, node, item) => items.append(archiveOf(owner, node), item),
    removeItems: (owner, node, places) => items.remove(archiveOf(owner, node), places),
    clearItems: (owner, node) => items.clear(archiveOf(owner, node)),
  };
}
