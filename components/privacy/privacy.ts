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
import { ServerAgreements } from './server-agreements.js';
import { synchronise } from './synchronise.js';

interface PrivacyOptions {
  readonly allowUnenforced: boolean;
  readonly maxLists: number;
  readonly maxItems: number;
  /** Called when the server cannot enforce and that is not allowed. */
  readonly refuse: (reason: string) => void;
  /** Told whether lists and the core's rules are known to agree: log-ins may wait for that. */
  readonly setReadiness: (readiness: Readiness) => void;
}

const NOT_COMPARED: Readiness = {
  ready: false,
  reason: 'lists and the rules of the core are not compared yet',
};

/** Until a server that did not answer is asked again. */
const RETRY_MILLISECONDS = 5000;

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

  let stream = 0;
  /** Domains with which lists and rules have not been compared on this stream. */
  const unmet = new Set<string>();
  options.setReadiness(NOT_COMPARED);
  component.onDown(() => options.setReadiness(NOT_COMPARED));
  component.onUp((link) => {
    stream++;
    for (const domain of link.domains.keys()) {
      unmet.add(domain);
      void meet(domain, stream);
    }
  });

  /** What a server speaks, then where its accounts stand. */
  async function meet(domain: string, on: number): Promise<void> {
    if (on !== stream || !component.server.connected) return;
    const enforces = await agreements.agree(domain);
    try {
      if (enforces === false) return await unenforced(domain);
      if (enforces === null) throw new Error(`${domain} does not answer`);
      await synchronise(domain, { store, enforcer, changes, log: component.log });
      if (on === stream) await served(domain);
    } catch (error) {
      component.log.error(
        { code: 'privacy.not-synchronised', domain, error },
        'the comparison with the core failed: tried again',
      );
      setTimeout(() => void meet(domain, on), RETRY_MILLISECONDS).unref();
    }
  }

  /** All domains are of one server: what waits for the comparison waits for the last of them. */
  async function served(domain: string): Promise<void> {
    unmet.delete(domain);
    if (unmet.size > 0) return;
    if (await agreements.enforces(domain)) await enforcer.synchronised(domain);
    options.setReadiness({ ready: true });
  }

  async function unenforced(domain: string): Promise<void> {
    if (!options.allowUnenforced) {
      options.refuse(
        `${domain} cannot enforce privacy lists (it does not speak urn:entourage:privacy-enforcement:1); ` +
          'ALLOW_UNENFORCED=true serves them all the same',
      );
      return;
    }
    component.log.warn(
      { code: 'privacy.unenforced', domain },
      'this server does not speak the privacy enforcement protocol: lists are kept but nothing is blocked',
    );
    await served(domain);
  }
}
