import type { Core } from '../core.js';
import type { AccountState } from '../sessions/account-state.js';

/** Accounts that exist, disabled ones too. */
export async function* registeredUsers(core: Core): AsyncIterable<string> {
  for await (const { account, state } of core.accounts.list()) if (state !== 'removed') yield account;
}

/** Accounts that may not log in. */
export async function* disabledUsers(core: Core): AsyncIterable<string> {
  for await (const { account, state } of core.accounts.list()) if (state === 'disabled') yield account;
}

/** Accounts with a session. */
export function* onlineUsers(core: Core): Iterable<string> {
  for (const account of core.directory.online()) yield account.bare;
}

/** Who has sent nothing for so long is idle; answers do not count, since clients give them by themselves. */
const IDLE_MILLISECONDS = 600_000;

/** Of those online, who has sent a stanza in the last ten minutes. */
export function* activeUsers(core: Core, now = performance.now()): Iterable<string> {
  for (const account of core.directory.online()) if (!isIdle(account, now)) yield account.bare;
}

/** Of those online, who has not sent a stanza in the last ten minutes. */
export function* idleUsers(core: Core, now = performance.now()): Iterable<string> {
  for (const account of core.directory.online()) if (isIdle(account, now)) yield account.bare;
}

/** Whether no session of the account has sent a stanza in the last ten minutes; `now` as `performance.now()` says it. */
export function isIdle(account: AccountState, now: number): boolean {
  return account.sessions.every((session) => now - session.lastActive >= IDLE_MILLISECONDS);
}
