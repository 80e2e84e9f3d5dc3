import type { Component } from '../../shared/component/component.js';
import { faultPoint } from '../../shared/faults.js';
import type { Logger } from '../../shared/observability/types.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { type ConnectedResource, type Enforcer, isOutOfStep, isUnknownAccount } from './enforcer.js';
import type { ListStore } from './list-store.js';
import { type AccountLists, type Lists, noLists } from './lists.js';
import type { Pushes } from './pushes.js';

/** How a change comes about. */
interface ChangeOptions {
  /** The full JID of the resource that asks. */
  readonly session: string;
  /** Block and unblock never conflict (XEP-0191 §5). */
  readonly force: boolean;
  /** Unblocks everybody (XEP-0191 §3.5). */
  readonly everybody?: boolean;
}

/** What is stored of an account that has nothing. */
const nothing: AccountLists = { sequence: 0, current: noLists, intent: null, told: null };

/**
 * Carries out every change of lists in one order: intent stored → rules durable in the core → lists committed → pushes →
 * answer. A crash anywhere leaves an intent, or pushes that are still owed, which {@link reconcile} settles.
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
      let stored = await this.#store.get(account);
      // only a time-out leaves an intent while we live: the core may or may not have it
      if (stored.intent !== null) stored = await this.reconcile(account, stored);
      try {
        await this.#attempt(account, stored, edit, options);
      } catch (error) {
        if (!isOutOfStep(error)) throw presentable(error);
        this.#log.warn(
          { code: 'privacy.out-of-step', account },
          'the core has other rules than expected: sent again',
        );
        stored = await this.reconcile(account, { ...stored, intent: null });
        await this.#attempt(account, stored, edit, options).catch((again: unknown) => {
          throw presentable(again);
        });
      }
    });
  }

  async #attempt(
    account: string,
    stored: AccountLists,
    edit: (lists: Lists) => Lists,
    options: ChangeOptions,
  ): Promise<void> {
    const next = edit(stored.current);
    if (next === stored.current) return;
    await this.#store.put(account, { ...stored, intent: next });
    faultPoint('privacy.after-intent');
    let resources: readonly ConnectedResource[];
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
      if (isUnknownAccount(error)) await this.#store.remove(account);
      // a refusal means that nothing happened; silence may mean anything, so the intent stays for `reconcile`
      else if (!isSilence(error)) await this.#store.put(account, { ...stored, intent: null });
      throw error;
    }
    faultPoint('privacy.after-enforced');
    await this.#commit(account, stored, next, resources, options.everybody);
  }

  /** The lists are what the core has in force; connected resources are told. */
  async #commit(
    account: string,
    stored: AccountLists,
    next: Lists,
    resources: readonly ConnectedResource[],
    everybody = false,
  ): Promise<AccountLists> {
    const committed: AccountLists = {
      sequence: stored.sequence + 1,
      current: next,
      intent: null,
      // pushes are owed until they have certainly gone
      told: resources.length === 0 ? null : (stored.told ?? stored.current),
    };
    await this.#store.put(account, committed);
    faultPoint('privacy.after-commit');
    this.#tell(account, committed, resources, everybody);
    return committed;
  }

  /** Sends the pushes that are owed, and forgets about them when the core has certainly taken them. */
  #tell(
    account: string,
    stored: AccountLists,
    resources: readonly ConnectedResource[],
    everybody = false,
  ): void {
    if (stored.told === null) return;
    this.#pushes.send(account, stored.told, stored.current, resources, everybody);
    faultPoint('privacy.after-push');
    // the link keeps order: whoever answers this has had the pushes; not awaited, the client waits for its answer
    void this.inOrder(account, async () => {
      if (resources.length > 0) await this.#enforcer.resources(account);
      const now = await this.#store.get(account);
      if (now.sequence === stored.sequence) await this.#store.put(account, { ...now, told: null });
    }).catch((error: unknown) => {
      this.#log.debug({ code: 'privacy.pushes-owed', account, error }, 'pushes may have to be repeated');
    });
  }

  /**
   * Makes list and rules agree: a set that the core has and we only intended is committed, an intent that the core lacks is
   * dropped, where the core has anything else it gets ours, and owed pushes are sent (docs/protocols/privacy-enforcement.md).
   */
  async reconcile(account: string, stored: AccountLists): Promise<AccountLists> {
    try {
      return await this.#settle(account, stored);
    } catch (error) {
      if (!isUnknownAccount(error)) throw error;
      this.#log.info(
        { code: 'privacy.account-gone', account },
        'lists of an account that is gone are removed',
      );
      await this.#store.remove(account);
      return nothing;
    }
  }

  async #settle(account: string, stored: AccountLists): Promise<AccountLists> {
    const inForce = await this.#enforcer.standingOf(account);
    const ours = inForce?.epoch === this.#store.epoch;
    if (ours && stored.intent !== null && inForce.sequence === stored.sequence + 1) {
      return this.#commit(account, stored, stored.intent, await this.#enforcer.resources(account));
    }
    let settled: AccountLists = { ...stored, intent: null };
    const agrees =
      (ours && inForce.sequence === stored.sequence) || (inForce === null && stored.sequence === 0);
    if (!agrees) {
      const sequence = Math.max(stored.sequence, inForce?.sequence ?? 0) + 1;
      await this.#enforcer.store({
        account,
        epoch: this.#store.epoch,
        sequence,
        expect: ours ? inForce.sequence : 0,
        lists: stored.current,
        session: null,
        force: true,
        restore: !ours,
      });
      settled = { ...settled, sequence };
    }
    if (!agrees || stored.intent !== null) await this.#store.put(account, settled);
    if (settled.told !== null) this.#tell(account, settled, await this.#enforcer.resources(account));
    return settled;
  }
}

/** Nobody answered, or the answer was lost with the link. */
export function isSilence(error: unknown): boolean {
  return !(error instanceof StanzaError) || error.condition === 'remote-server-timeout';
}

/** The error as the client may see it: what component and core say to each other is none of its business. */
function presentable(error: unknown): unknown {
  if (!(error instanceof StanzaError) || error.application?.getNS() !== NS.privacyEnforcement) return error;
  return new StanzaError(error.condition, { type: error.type });
}
