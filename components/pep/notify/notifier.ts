import { randomBytes } from 'node:crypto';
import type { Component } from '../../../shared/component/component.js';
import type { Counter } from '../../../shared/observability/types.js';
import { type Element, xml } from '../../../shared/xml/element.js';
import { delayElement } from '../../../shared/xmpp/datetime.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Item, PepNode } from '../nodes/node.js';
import type { Presences } from '../server/presences.js';
import type { Rosters } from '../server/rosters.js';
import { publishEvent } from './events.js';
import { type Recipient, recipientsOf } from './recipients.js';

/** Notifications of one event that are sent before others get their turn. */
const BATCH = 100;

/** Sends event notifications in the name of accounts (XEP-0356), those of one account in order, large ones paced. */
export class Notifier {
  readonly #component: Component;
  readonly #rosters: Rosters;
  readonly #presences: Presences;
  readonly #counter: Counter;
  readonly #tails = new Map<string, Promise<void>>();
  readonly #prefix = randomBytes(6).toString('base64url');
  /** Resources that are being sent last items, with the items that they have been told of meanwhile. */
  readonly #arriving = new Map<string, { count: number; readonly told: Set<string> }>();
  #sequence = 0;
  #warned = false;

  constructor(options: { component: Component; rosters: Rosters; presences: Presences; sent: Counter }) {
    this.#component = options.component;
    this.#rosters = options.rosters;
    this.#presences = options.presences;
    this.#counter = options.sent;
    options.component.onUp(() => {
      this.#warned = false;
    });
  }

  /**
   * Tells everyone concerned of an event. `published`, where something was: the full JID of who did it, for `replyto`,
   * and the item's id.
   */
  event(
    owner: string,
    node: PepNode,
    event: Element,
    published?: { readonly publisher: string; readonly id?: string },
  ): void {
    if (!node.config.deliversNotifications) return;
    this.#inOrder(owner, async () => {
      const roster = await this.#rosters.get(owner);
      let count = 0;
      for (const recipient of recipientsOf(owner, node, roster, this.#presences)) {
        // A retraction tells nothing of the item that is the last one now.
        if (published?.id !== undefined)
          this.#arriving.get(recipient.to)?.told.add(keyOf(owner, node, published.id));
        await this.#send(owner, node, recipient, event, published?.publisher);
        count += 1;
        if (count % BATCH === 0) await this.#pause();
      }
    });
  }

  /**
   * Sends one item to one address, with the time at which it was published (XEP-0163 §4.3.4), unless a resource that
   * is {@link whileArriving} has been told of it. (Of a newer one it cannot have been told: both go in order.)
   */
  lastItem(owner: string, node: PepNode, recipient: Recipient, item: Item): void {
    this.#inOrder(owner, async () => {
      const told = this.#arriving.get(recipient.to)?.told;
      const key = keyOf(owner, node, item.id);
      if (told?.has(key)) return;
      // It may be arriving in more than one way.
      told?.add(key);
      const delay = delayElement({ stamp: item.stamp });
      await this.#send(owner, node, recipient, publishEvent(node, item), item.publisher, delay);
    });
  }

  /** While a resource is sent last items, which takes a moment, no older item follows a newer one, and none comes twice. */
  async whileArriving(full: string, sendItems: () => Promise<void>): Promise<void> {
    const arrival = this.#arriving.get(full) ?? { count: 0, told: new Set<string>() };
    arrival.count += 1;
    this.#arriving.set(full, arrival);
    try {
      await sendItems();
    } finally {
      arrival.count -= 1;
      if (arrival.count === 0) this.#arriving.delete(full);
    }
  }

  /** Tells one address something about a node, whatever its interests. */
  tell(owner: string, node: PepNode, to: string, event: Element): void {
    this.#inOrder(owner, () => this.#send(owner, node, { to, sharesPresence: false }, event, undefined));
  }

  /** Resolves when what was given so far of one account has been sent; undefined if nothing waits. */
  sent(owner: string): Promise<void> | undefined {
    return this.#tails.get(owner);
  }

  /** Resolves when what was given so far has been sent. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  async #send(
    owner: string,
    node: PepNode,
    recipient: Recipient,
    event: Element,
    publisher: string | undefined,
    delay?: Element,
  ): Promise<void> {
    this.#sequence += 1;
    const message = xml(
      'message',
      {
        type: node.config.notificationType,
        from: owner,
        to: recipient.to,
        id: `${this.#prefix}-${this.#sequence}`,
      },
      event,
      recipient.sharesPresence ? replyTo(publisher) : undefined,
      delay,
    );
    try {
      this.#component.privileged.sendMessageAs(message);
    } catch (error) {
      if (!(error instanceof StanzaError) || error.condition !== 'resource-constraint') throw error;
      // The queue to the server is full: that is what pacing is for.
      await this.#component.drained();
      this.#component.privileged.sendMessageAs(message);
    }
    this.#counter.inc();
  }

  async #pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.#component.drained();
  }

  #inOrder(owner: string, task: () => Promise<void>): void {
    const before = this.#tails.get(owner);
    const run = before === undefined ? task() : before.then(task);
    const tail: Promise<void> = run
      .catch((error: unknown) => this.#failed(owner, error))
      .then(() => {
        if (this.#tails.get(owner) === tail) this.#tails.delete(owner);
      });
    this.#tails.set(owner, tail);
  }

  #failed(owner: string, error: unknown): void {
    if (error instanceof StanzaError) {
      if (this.#warned) return;
      this.#warned = true;
      this.#component.log.warn({ code: 'pep.not-notified', owner, error }, 'notifications could not be sent');
    } else {
      this.#component.log.error({ code: 'pep.notify-failed', owner, error }, 'notifying failed');
    }
  }
}

/** XML has no NUL, names may have anything else. */
function keyOf(owner: string, node: PepNode, id: string): string {
  return `${owner}\0${node.name}\0${id}`;
}

/** XEP-0163 §4.3.1 (3): the publishing resource, as an address of XEP-0033. */
function replyTo(publisher: string | undefined): Element | undefined {
  if (publisher === undefined || !publisher.includes('/')) return undefined;
  return xml('addresses', { xmlns: NS.address }, xml('address', { type: 'replyto', jid: publisher }));
}
