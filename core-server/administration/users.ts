import type { Core } from '../core.js';

/** Accounts that exist, disabled ones too. */
export async function* registeredUsers(core: Core): AsyncIterable<string> {
  for await (const { account, state } of core.accounts.list()) if (state !== 'removed') yield account;
}

export async function* disabledUsers(core: Core): AsyncIterable<string> {
  for await (const { account, state } of core.accounts.list()) if (state === 'disabled') yield account;
}

/** Accounts with a session. */
export function* onlineUsers(core: Core): Iterable<string> {
  for (const account of core.directory.online()) yield account.bare;
}
