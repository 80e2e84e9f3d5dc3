import type { Component } from '../../shared/component/component.js';
import type { AvatarConversion } from './avatars/conversion.js';
import type { Accounts } from './nodes/accounts.js';
import { MOVING_MILLISECONDS, type Ownership } from './nodes/ownership.js';
import type { KnownContacts } from './server/known-contacts.js';
import type { PresenceFeed } from './server/presence-feed.js';
import type { Rosters } from './server/rosters.js';

interface MovedOwnersParts {
  readonly component: Component;
  readonly ownership: Ownership;
  readonly accounts: Accounts;
  readonly contacts: KnownContacts;
  readonly rosters: Rosters;
  readonly avatars: AvatarConversion;
  readonly feed: PresenceFeed;
  failed(error: unknown): void;
}

/**
 * Where several processes serve one domain (`docs/protocols/shared-domain.md`): when owners have moved between them, what
 * another process knew, or knows from now on, is not known here, and is learned anew.
 */
export class MovedOwners {
  readonly #parts: MovedOwnersParts;
  #up = false;
  #settled: NodeJS.Timeout | undefined;

  constructor(parts: MovedOwnersParts) {
    this.#parts = parts;
    const { component, ownership } = parts;
    component.onUp(() => {
      this.#up = true;
    });
    component.onDown(() => {
      this.#up = false;
      ownership.become(component.share);
    });
    component.onShareChanged(() => this.#changed());
  }

  stop(): void {
    clearTimeout(this.#settled);
  }

  #changed(): void {
    const { component, ownership, accounts, rosters, avatars, feed, failed } = this.#parts;
    const before = ownership.share;
    const { lost } = component.share;
    feed.shareChanged();
    ownership.become(component.share);
    accounts.forgetAll();
    rosters.clear();
    avatars.forget();
    this.#relearn()
      .then(() => lost === undefined || feed.inherit(before, lost))
      .catch(failed);
    // Who got a first node at another process while all this moved.
    clearTimeout(this.#settled);
    this.#settled = setTimeout(() => this.#relearn().catch(failed), MOVING_MILLISECONDS);
    this.#settled.unref();
  }

  async #relearn(): Promise<void> {
    await this.#parts.accounts.open();
    // Before that it is done when the link is up.
    if (this.#up) await this.#parts.contacts.learnAll();
  }
}
