import type { Logger } from '../../shared/observability/types.js';
import type { Changes } from './changes.js';
import type { Enforcer } from './enforcer.js';
import type { ListStore } from './list-store.js';

/**
 * After every (re)connection: compares what the core has in force with what is stored here, account by account, and settles
 * intents that a crash left open (docs/protocols/privacy-enforcement.md §"Synchronisation").
 */
export async function synchronise(
  domains: readonly string[],
  parts: { store: ListStore; enforcer: Enforcer; changes: Changes; log: Logger },
): Promise<void> {
  const { store, enforcer, changes, log } = parts;
  let settled = 0;
  for (const domain of domains) {
    await enforcer.hello(domain);
    const standings = await enforcer.standings(domain);
    for await (const account of store.owners()) {
      if (!account.endsWith(`@${domain}`)) continue;
      await changes
        .inOrder(account, async () => {
          const stored = await store.get(account);
          const standing = standings.get(account);
          const agrees =
            stored.intent === null &&
            standing?.epoch === store.epoch &&
            standing.sequence === stored.sequence;
          if (agrees) return;
          settled++;
          // asked again inside: a change may have come between
          await changes.reconcile(account, stored, null);
        })
        .catch((error: unknown) => {
          log.warn(
            { code: 'privacy.not-reconciled', account, err: error },
            'lists and rules of an account differ',
          );
        });
    }
  }
  log.info({ code: 'privacy.synchronised', domains, settled }, 'lists and rules agree');
}
