import type { Component } from '../../shared/component/component.js';
import type { Readiness } from '../../shared/observability/server.js';
import type { Storage } from '../../shared/storage/storage.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { blockContacts, getBlockList, unblockContacts } from './blocking.js';
import { Changes } from './changes.js';
import { CoreEnforcer } from './enforcer.js';
import { ListStore } from './list-store.js';
import { getLists, type PrivacyListsParts, setLists } from './privacy-lists.js';
import { Pushes } from './pushes.js';
import { synchronise } from './synchronise.js';

export interface PrivacyOptions {
  readonly allowUnenforced: boolean;
  readonly maxLists: number;
  readonly maxItems: number;
  /** Called when the server cannot enforce and that is not allowed. */
  readonly refuse: (reason: string) => void;
  /** Told whether lists and the core's rules are known to agree: log-ins may wait for that. */
  readonly setReadiness?: (readiness: Readiness) => void;
}

const NOT_COMPARED: Readiness = {
  ready: false,
  reason: 'lists and the rules of the core are not compared yet',
};

/** Privacy lists (XEP-0016) and the block list (XEP-0191) in one storage, enforced by the core. */
export async function composePrivacy(
  component: Component,
  storage: Storage,
  options: PrivacyOptions,
): Promise<void> {
  const store = await ListStore.open(storage);
  const enforcer = new CoreEnforcer(component, options.allowUnenforced);
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

  const setReadiness = options.setReadiness ?? (() => undefined);
  setReadiness(NOT_COMPARED);
  component.onUp((link) => {
    setReadiness(enforcer.available ? NOT_COMPARED : { ready: true });
    if (!enforcer.available) {
      if (options.allowUnenforced) {
        component.log.warn(
          { code: 'privacy.unenforced' },
          'this server does not speak the privacy enforcement protocol: lists are kept but nothing is blocked',
        );
      } else
        options.refuse(
          'the server cannot enforce privacy lists; ALLOW_UNENFORCED=true serves them all the same',
        );
      return;
    }
    synchronise([...link.domains.keys()], { store, enforcer, changes, log: component.log }).then(
      () => setReadiness({ ready: true }),
      (error: unknown) => {
        component.log.error(
          { code: 'privacy.not-synchronised', err: error },
          'the comparison with the core failed',
        );
      },
    );
  });
}
