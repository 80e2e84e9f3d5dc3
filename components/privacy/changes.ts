import type { Component } from '../../shared/component/component.js';
import type { Logger } from '../../shared/observability/types.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { type ConnectedResource, type Enforcer, isOutOfStep } from './enforcer.js';
import type { ListStore } from './list-store.js';
import type { AccountLists, Lists } from './lists.js';
import type { Pushes } from './pushes.js';

/** How a change comes about. */
export interface ChangeOptions {
  /** The full JID of the resource that asks; null when nobody's in particular. */
  readonly session: string | null;
  /** Block and unblock never conflict (XEP-0191 §5). */
  readonly force: boolean;
}

/**
 * Carries out every change of lists in one order: intent stored → rules durable in the core → lists committed → pushes →
 * answer. A crash anywhere leaves an intent that {@link ../synchronise} settles by what the core has.
 */
export class Changes {
  readonly #store: ListStore;
  readonly #enforcer: Enforcer;
  readonly #pushes: Pushes;
  readonly #log: Logger;
  readonly #chains = new Map<string, Promise<unknown>>();

  constructor(parts: { store: ListStore; enforcer: Enforcer; pushes: Pushes; component: Component }) {
    this.#store = parts.store;
    this.#enforcer = parts.enforcer;
    this.#pushes = parts.pushes;
    this.#log = parts.component.log;
  }

  /** Runs one account's work one after another. */
  inOrder<T>(account: string, work: () => Promise<T>): Promise<T> {
    const before = this.#chains.get(account) ?? Promise.resolve();
    const after = before.then(work, work);
    const settled = after.catch(() => {});
    this.#chains.set(account, settled);
    void settled.then(() => {
      if (this.#chains.get(account) === settled) this.#chains.delete(account);
    });
    return after;
  }

  /**
   * Changes an account's lists by `edit` (which may throw the StanzaError to answer with). Resolves when the new rules are
   * in force and committed; pushes have then been sent.
   */
  change(account: string, edit: (lists: Lists) => Lists, options: ChangeOptions): Promise<void> {
    return this.inOrder(account, async () => {
      const stored = await this.#settled(account);
      const next = edit(stored.current);
      if (next === stored.current) return;
      await this.#store.put(account, { ...stored, intent: next });
      let resources: ConnectedResource[];
      try {
        resources = await this.#enforcer.store({
          account,
          epoch: this.#store.epoch,
          sequence: stored.sequence + 1,
          expect: stored.sequence,
          lists: next,
          session: options.session,
          force: options.force,
          restore: false,
        });
      } catch (error) {
        await this.#giveUp(account, stored, error);
        throw error;
      }
      await this.#store.put(account, { sequence: stored.sequence + 1, current: next, intent: null });
      this.#pushes.send(account, stored.current, next, resources);
    });
  }

  /** The account's lists, an open intent settled first. */
  async #settled(account: string): Promise<AccountLists> {
    const stored = await this.#store.get(account);
    if (stored.intent === null) return stored;
    // only a time-out leaves one while we live: the core may or may not have it
    return this.reconcile(account, stored, null);
  }

  /** A refusal means that nothing happened; silence may mean anything, so the intent stays for {@link reconcile}. */
  async #giveUp(account: string, stored: AccountLists, error: unknown): Promise<void> {
    const silent = error instanceof StanzaError && error.condition === 'remote-server-timeout';
    if (isOutOfStep(error)) {
      this.#log.warn(
        { code: 'privacy.out-of-step', account },
        'the core has other rules than expected: sent again',
      );
      await this.reconcile(account, { ...stored, intent: null }, null);
    } else if (!silent) await this.#store.put(account, { ...stored, intent: null });
  }

  /**
   * Makes list and rules agree: a set that the core has and we only intended is committed, an intent that the core lacks is
   * dropped, and where the core has anything else it gets ours (contracts: privacy enforcement).
   */
  async reconcile(
    account: string,
    stored: AccountLists,
    standing: { epoch: string; sequence: number } | null,
  ): Promise<AccountLists> {
    const inForce = standing ?? (await this.#enforcer.standingOf(account));
    const ours = inForce?.epoch === this.#store.epoch;
    if (ours && stored.intent !== null && inForce.sequence === stored.sequence + 1) {
      const forward: AccountLists = { sequence: stored.sequence + 1, current: stored.intent, intent: null };
      await this.#store.put(account, forward);
      this.#pushes.send(account, stored.current, forward.current, await this.#enforcer.resources(account));
      return forward;
    }
    const back: AccountLists = { ...stored, intent: null };
    if (stored.intent !== null) await this.#store.put(account, back);
    if (ours && inForce.sequence === stored.sequence) return back;
    if (inForce === null && stored.sequence === 0) return back;
    const sequence = Math.max(stored.sequence, inForce?.sequence ?? 0) + 1;
    await this.#enforcer.store({
      account,
      epoch: this.#store.epoch,
      sequence,
      expect: ours ? inForce.sequence : 0,
      lists: back.current,
      session: null,
      force: true,
      restore: !ours,
    });
    const again: AccountLists = { ...back, sequence };
    await this.#store.put(account, again);
    return again;
  }
}
