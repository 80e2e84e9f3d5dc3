import type { NodeConfig } from './node-config.js';

export type Affiliation = 'owner' | 'publisher' | 'publish-only' | 'member' | 'outcast' | 'none';

/** An explicit subscription of one JID, bare or full; one per JID and node. */
export interface Subscription {
  readonly jid: string;
  readonly subid: string;
  readonly state: 'subscribed' | 'pending';
}

/** What is known of an item without reading its payload. */
export interface ItemEntry {
  readonly id: string;
  /** Its place in the node's archive. */
  readonly place: number;
  /** Full JID. */
  readonly publisher: string;
  /** Milliseconds since 1970. */
  readonly stamp: number;
  /** Characters of its payload. */
  readonly size: number;
}

/** An item with its payload as text; `''` for none. */
export interface Item extends ItemEntry {
  readonly payload: string;
}

/** An item that has no place yet. */
export type NewItem = Omit<Item, 'place' | 'size'>;

/** One node of an account. */
export interface PepNode {
  readonly name: string;
  /** Names its items' archive; never used again within the account. */
  readonly number: number;
  readonly created: number;
  readonly creator: string;
  readonly config: NodeConfig;
  /** By bare JID; the account itself is always `owner` and not listed. */
  readonly affiliations: Readonly<Record<string, Affiliation>>;
  readonly subscriptions: readonly Subscription[];
}

/** The affiliation of a bare JID with a node of `owner`. */
export function affiliationOf(owner: string, node: PepNode, bare: string): Affiliation {
  if (bare === owner) return 'owner';
  return Object.hasOwn(node.affiliations, bare) ? (node.affiliations[bare] ?? 'none') : 'none';
}
