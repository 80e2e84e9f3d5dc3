import type { FieldValue } from '../../../shared/xmpp/forms.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Affiliation, Item, ItemEntry, NewItem, PepNode, Subscription } from './node.js';
import type { NodeConfig } from './node-config.js';
import type { NodeStore, StoredNode } from './node-store.js';

/** Characters of who subscribes to, and is affiliated with, the nodes of one account: one document, written whole. */
const LISTS_CHARACTERS = 2_000_000;
/** What is around an address in that document. */
const ENTRY_CHARACTERS = 80;
/** Characters of a node's configuration, which is part of that document, too. */
const CONFIG_CHARACTERS = 16_000;
const sizes = new WeakMap<PepNode, number>();

function checkConfig({ overrides }: NodeConfig): void {
  if (JSON.stringify(overrides).length > CONFIG_CHARACTERS)
    throw new StanzaError('not-acceptable', {
      text: `the configuration of a node has at most ${CONFIG_CHARACTERS} characters`,
    });
}

/** Nodes are never changed: counted once. */
function listsSize(node: PepNode): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  let size = 0;
  for (const { jid } of node.subscriptions) size += ENTRY_CHARACTERS + jid.length;
  for (const jid of Object.keys(node.affiliations)) size += ENTRY_CHARACTERS + jid.length;
  sizes.set(node, size);
  return size;
}

/**
 * The nodes of one account. Used by one task at a time (see {@link Accounts}); changes resolve when
 * they are durable, and reject with the storage's `conflict` where another process has changed them.
 */
export class Account {
  readonly owner: string;
  readonly #store: NodeStore;
  readonly #nodes = new Map<string, PepNode>();
  readonly #items = new Map<number, ItemEntry[]>();
  #next: number;
  /** What is stored has this version; 0 for nothing. */
  #version: number;

  constructor(
    owner: string,
    store: NodeStore,
    stored: { readonly next: number; readonly version: number; readonly nodes: readonly PepNode[] },
  ) {
    const { next, version, nodes } = stored;
    this.owner = owner;
    this.#store = store;
    this.#next = next;
    this.#version = version;
    for (const node of nodes) this.#nodes.set(node.name, node);
  }

  get nodes(): readonly PepNode[] {
    return [...this.#nodes.values()];
  }
  get size(): number {
    return this.#nodes.size;
  }
  /** What it takes in memory, roughly: nodes, subscriptions and known items. */
  get weight(): number {
    let weight = 1;
    for (const node of this.#nodes.values()) weight += 1 + node.subscriptions.length;
    for (const items of this.#items.values()) weight += items.length;
    return weight;
  }
  node(name: string): PepNode | undefined {
    return this.#nodes.get(name);
  }

  async create(name: string, creator: string, config: NodeConfig): Promise<PepNode> {
    checkConfig(config);
    const node: PepNode = {
      name,
      number: this.#next,
      created: Date.now(),
      creator,
      config,
      affiliations: {},
      subscriptions: [],
    };
    this.#next += 1;
    this.#nodes.set(name, node);
    this.#items.set(node.number, []);
    await this.#save(() => this.#nodes.delete(name));
    return node;
  }

  /** Replaces parts of a node. */
  async change(
    node: PepNode,
    change: {
      config?: NodeConfig;
      affiliations?: Readonly<Record<string, Affiliation>>;
      subscriptions?: readonly Subscription[];
    },
  ): Promise<PepNode> {
    const changed: PepNode = { ...node, ...change };
    if (change.config !== undefined) checkConfig(change.config);
    this.#checkLists(node, changed);
    this.#nodes.set(node.name, changed);
    await this.#save(() => this.#nodes.set(node.name, node));
    return changed;
  }

  /** Refuses longer lists where those of all nodes together are as long as they may be. */
  #checkLists(node: PepNode, changed: PepNode): void {
    const grows = listsSize(changed) - listsSize(node);
    if (grows <= 0) return;
    let size = grows;
    for (const one of this.#nodes.values()) size += listsSize(one);
    if (size > LISTS_CHARACTERS)
      throw new StanzaError('resource-constraint', { text: 'the lists of all nodes are too long together' });
  }

  async remove(node: PepNode): Promise<void> {
    this.#nodes.delete(node.name);
    await this.#save(() => this.#nodes.set(node.name, node));
    this.#items.delete(node.number);
    // The node is gone already: what a crash leaves here can never be reached, since numbers are not used again.
    await this.#store.clearItems(this.owner, node.number);
  }

  /** The items of a node that have not expired, oldest first. */
  async items(node: PepNode): Promise<readonly ItemEntry[]> {
    let entries = this.#items.get(node.number);
    if (entries === undefined) {
      entries = await this.#loadItems(node);
      this.#items.set(node.number, entries);
    }
    const life = node.config.itemLife;
    if (life === null) return entries;
    const expired = entries.filter((entry) => entry.stamp + life <= Date.now());
    if (expired.length > 0) await this.removeItems(node, expired);
    return this.#items.get(node.number) ?? [];
  }

  async lastItem(node: PepNode): Promise<Item | undefined> {
    const last = (await this.items(node)).at(-1);
    return last === undefined ? undefined : this.read(node, last);
  }

  /** An item with its payload; undefined if it has gone. */
  async read(node: PepNode, entry: ItemEntry): Promise<Item | undefined> {
    const payload = await this.#store.payload(this.owner, node.number, entry.place);
    return payload === undefined ? undefined : { ...entry, payload };
  }

  /** Stores an item, in place of one with the same id; it is the last one then. */
  async putItem(node: PepNode, item: NewItem): Promise<void> {
    const entries = await this.items(node);
    const place = await this.#store.appendItem(this.owner, node.number, item);
    const replaced = entries.filter((entry) => entry.id === item.id);
    const { id, publisher, stamp } = item;
    this.#items.set(node.number, [
      ...entries.filter((entry) => entry.id !== item.id),
      { id, publisher, stamp, place, size: item.payload.length },
    ]);
    if (replaced.length > 0) await this.#removePlaces(node, replaced);
  }

  async removeItems(node: PepNode, gone: readonly ItemEntry[]): Promise<void> {
    await this.#removePlaces(node, gone);
    const places = new Set(gone.map((entry) => entry.place));
    const entries = this.#items.get(node.number) ?? [];
    this.#items.set(
      node.number,
      entries.filter((entry) => !places.has(entry.place)),
    );
  }

  async removeAllItems(node: PepNode): Promise<void> {
    await this.#store.clearItems(this.owner, node.number);
    this.#items.set(node.number, []);
  }

  #removePlaces(node: PepNode, entries: readonly ItemEntry[]): Promise<void> {
    return this.#store.removeItems(
      this.owner,
      node.number,
      entries.map((entry) => entry.place),
    );
  }

  async #loadItems(node: PepNode): Promise<ItemEntry[]> {
    const newest = new Map<string, ItemEntry>();
    const stale: ItemEntry[] = [];
    for (const entry of await this.#store.entries(this.owner, node.number)) {
      const older = newest.get(entry.id);
      // A crash between writing an item and removing the one it replaced leaves both.
      if (older !== undefined) {
        stale.push(older);
        newest.delete(entry.id);
      }
      newest.set(entry.id, entry);
    }
    const entries = [...newest.values()];
    stale.push(...entries.splice(0, Math.max(0, entries.length - node.config.maxItems)));
    if (stale.length > 0) await this.#removePlaces(node, stale);
    return entries;
  }

  async #save(undo: () => void): Promise<void> {
    try {
      const document = { next: this.#next, nodes: this.nodes.map(stored) };
      this.#version = await this.#store.saveAccount(this.owner, document, this.#version);
    } catch (error) {
      undo();
      throw error;
    }
  }
}

function stored(node: PepNode): StoredNode {
  const { config, affiliations, subscriptions, ...rest } = node;
  const overrides: Record<string, FieldValue> = { ...config.overrides };
  return { ...rest, config: overrides, affiliations: { ...affiliations }, subscriptions: [...subscriptions] };
}
