import type { Component } from '../../shared/component/component.js';
import type { Readiness } from '../../shared/observability/server.js';
import type { Storage } from '../../shared/storage/storage.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { blockContacts, getBlockList, unblockContacts } from './blocking.js';
import { Changes } from './changes.js';
import { Comparison } from './comparison.js';
import { CoreEnforcer } from './enforcer.js';
import { ListStore } from './list-store.js';
import { getLists, type PrivacyListsParts, setLists } from './privacy-lists.js';
import { Pushes } from './pushes.js';
import { ServerAgreements } from './server-agreements.js';

interface PrivacyOptions {
  readonly allowUnenforced: boolean;
  readonly maxLists: number;
  readonly maxItems: number;
  /** Called when the server cannot enforce and that is not allowed. */
  readonly refuse: (reason: string) => void;
  /** Told whether lists and the core's rules are known to agree: log-ins may wait for that. */
  readonly setReadiness: (readiness: Readiness) => void;
}

/** Privacy lists (XEP-0016) and the block list (XEP-0191) in one storage, enforced by the core. */
export async function composePrivacy(
  component: Component,
  storage: Storage,
  options: PrivacyOptions,
): Promise<void> {
  const store = await ListStore.open(storage);
  const agreements = new ServerAgreements(component, options.allowUnenforced);
  const enforcer = new CoreEnforcer(component, agreements);
  const changes = new Changes({ store, enforcer, pushes: new Pushes(component), component });
  const parts: PrivacyListsParts = {
    component,
    store,
    changes,
    enforcer,
    maxLists: options.maxLists,
    maxItems: options.maxItems,
  };

  component.disco.identity({ category: 'component', type: 'generic', name: 'Privacy lists' });
  component.disco.nestedServer(NS.privacy, { features: [NS.privacy] });
  component.disco.nestedServer(NS.blocking, { features: [NS.blocking] });

  component.onIq('get', NS.privacy, 'query', getLists(parts));
  component.onIq('set', NS.privacy, 'query', setLists(parts));
  component.onIq('get', NS.blocking, 'blocklist', getBlockList(parts));
  component.onIq('set', NS.blocking, 'block', blockContacts(parts));
  component.onIq('set', NS.blocking, 'unblock', unblockContacts(parts));

  new Comparison({ component, store, agreements, enforcer, changes, ...options });
}
