import { type Element, xml } from '../../shared/xml/element.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { localOrigin } from '../routing/origin.js';
import { AccountState } from '../sessions/account-state.js';

/** Empties what one part of the system keeps of an account, speaking as the account itself. */
interface AccountCleaner {
  /** As recorded in the tombstone; never changed once released. */
  readonly name: string;
  /** Whether this deployment has that part. */
  concerns(core: Core): boolean;
  /** Rejects when it could not be done now. */
  clean(core: Core, account: Jid): Promise<void>;
}

const delegated = (core: Core, namespace: string) =>
  [...core.components.domains.values()].some(
    (domain) =>
      domain.secret !== null && domain.grants.delegations.some((grant) => grant.namespace === namespace),
  );

/** An IQ of the account to itself, answered by whoever its namespace is delegated to. */
async function asAccount(
  core: Core,
  account: Jid,
  type: 'get' | 'set',
  payload: Element,
): Promise<Element | undefined> {
  try {
    const answer = await core.requests.sendVia(
      // past the router: the account itself is gone
      (stanza) => core.iq.handle('account', stanza, new AccountState(account, true), localOrigin),
      xml('iq', { type, from: account.bare, to: account.bare }, payload),
    );
    return answer.element.getChildElements()[0];
  } catch (error) {
    // nothing there is as good as emptied
    if (error instanceof StanzaError && error.condition === 'item-not-found') return undefined;
    throw error;
  }
}

/** In the order in which they are asked. */
export const cleaners: readonly AccountCleaner[] = [
  {
    name: 'core',
    concerns: () => true,
    async clean(core, account) {
      await core.roster.erase(account.bare);
      core.hooks.accountRemoved.emit(account.bare);
    },
  },
  {
    name: 'vcard',
    concerns: (core) => delegated(core, NS.vcard),
    async clean(core, account) {
      await asAccount(core, account, 'set', xml('vCard', { xmlns: NS.vcard }));
    },
  },
  {
    name: 'pep',
    concerns: (core) => delegated(core, NS.pubsubOwner),
    async clean(core, account) {
      const items = await asAccount(core, account, 'get', xml('query', { xmlns: NS.discoItems }));
      const nodes = items?.getChildren('item').flatMap((item) => item.attrs['node'] ?? []) ?? [];
      for (const node of nodes) {
        await asAccount(
          core,
          account,
          'set',
          xml('pubsub', { xmlns: NS.pubsubOwner }, xml('delete', { node })),
        );
      }
    },
  },
  {
    name: 'privacy',
    concerns: (core) => delegated(core, NS.privacy),
    async clean(core, account) {
      await asAccount(core, account, 'set', xml('unblock', { xmlns: NS.blocking }));
      await asAccount(core, account, 'set', xml('query', { xmlns: NS.privacy }, xml('default')));
      const query = await asAccount(core, account, 'get', xml('query', { xmlns: NS.privacy }));
      const names = query?.getChildren('list').flatMap((list) => list.attrs['name'] ?? []) ?? [];
      for (const name of names) {
        await asAccount(core, account, 'set', xml('query', { xmlns: NS.privacy }, xml('list', { name })));
      }
    },
  },
];
