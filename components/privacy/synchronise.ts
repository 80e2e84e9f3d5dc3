import type { Logger } from '../../shared/observability/types.js';
import { isBadDocument } from '../../shared/storage/walk.js';
import { type Changes, isSilence } from './changes.js';
import type { Enforcer } from './enforcer.js';
import type { ListStore } from './list-store.js';

/**
 * After every (re)connection: compares what the core has in force with what is stored here, account by account, and settles
 * what a crash left open (docs/protocols/privacy-enforcement.md §"Synchronisation").
 */
export async function synchronise(
  domain: string,
  parts: { store: ListStore; enforcer: Enforcer; changes: Changes; log: Logger },
): Promise<void> {
  const { store, enforcer, changes, log } = parts;
  let settled = 0;
  const standings = await enforcer.standings(domain);
  const compare = (account: string): Promise<void> =>
    changes
      .inOrder(account, async () => {
        // read inside: a change may have come between
        const stored = await store.get(account);
        const standing = standings.get(account);
        const agrees =
          stored.intent === null &&
          stored.told === null &&
          (stored.sequence === 0
            ? standing === undefined
            : standing?.epoch === store.epoch && standing.sequence === stored.sequence);
        if (agrees) return;
        settled++;
        await changes.reconcile(account, stored);
      })
      .catch((error: unknown) => {
        // nobody answered: the whole comparison is made again
        if (isSilence(error) && !isBadDocument(error)) throw error;
        log.warn({ code: 'privacy.not-reconciled', account, error }, 'lists and rules of an account differ');
      });
  for await (const account of store.owners()) {
    if (!account.endsWith(`@${domain}`)) continue;
    await compare(account);
    standings.delete(account);
  }
  // rules of accounts that have no lists here: this store was made anew, and it decides
  for (const account of standings.keys()) await compare(account);
  log.info({ code: 'privacy.synchronised', domain, settled }, 'lists and rules agree');
}
