import type { StoredAccount } from './account-store.js';

/** Whether somebody who proved to know the password may log in. */
export type Standing = 'active' | 'disabled' | 'expired' | 'unknown';

/** Whether there is such an account: also a disabled one, not a removed one. */
export function isThere(stored: StoredAccount | null): stored is StoredAccount {
  return stored !== null && stored.document.state !== 'removed';
}

/** How it stands with what is stored; null: nothing. */
export function standingOf(stored: StoredAccount | null): Standing {
  if (!isThere(stored)) return 'unknown';
  if (stored.document.state === 'disabled') return 'disabled';
  return stored.document.expired === true ? 'expired' : 'active';
}
