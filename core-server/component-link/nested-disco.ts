import { child, clone, type Element, xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import type { DiscoInfo } from '../disco/disco-registry.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import { delegationNamespace } from './delegation.js';

interface Nested {
  readonly server: DiscoInfo;
  readonly account: DiscoInfo;
}

/**
 * disco#info of managing entities inside our own (XEP-0355 §7.2). Asked when a component comes up, kept while it stays
 * (§"Implementation Notes" 2); a component that restarts keeps its place so that answers do not flicker.
 */
export class NestedDisco {
  readonly #core: Core;
  readonly #nested = new Map<ComponentDomain, Nested>();

  constructor(core: Core, registry: ComponentRegistry) {
    this.#core = core;
    registry.onUp((domain) => void this.#ask(domain));
    registry.onGone((domain) => {
      this.#nested.delete(domain);
      core.disco.changed();
    });
    core.disco.contribute((scope, _query, info) => {
      for (const nested of this.#nested.values()) merge(info, nested[scope]);
    });
  }

  async #ask(domain: ComponentDomain): Promise<void> {
    const server = emptyInfo();
    const account = emptyInfo();
    const namespace = delegationNamespace(domain);
    for (const grant of domain.grants.delegations) {
      if (grant.namespace.startsWith(`${NS.delegation2}:bare:`)) continue;
      merge(server, await this.#query(domain, `${namespace}::${grant.namespace}`));
      merge(account, await this.#query(domain, `${namespace}:bare:${grant.namespace}`));
    }
    if (!domain.connected) return;
    this.#nested.set(domain, { server, account });
    this.#core.disco.changed();
  }

  async #query(domain: ComponentDomain, node: string): Promise<DiscoInfo> {
    try {
      const answer = await this.#core.requests.send(
        xml(
          'iq',
          { type: 'get', from: this.#core.domains[0] ?? '', to: domain.name },
          xml('query', { xmlns: NS.discoInfo, node }),
        ),
        10_000,
      );
      const query = child(answer.element, 'query', NS.discoInfo);
      return query === undefined ? emptyInfo() : readInfo(query);
    } catch {
      // a managing entity without nested disco simply adds nothing
      return emptyInfo();
    }
  }
}

function emptyInfo(): DiscoInfo {
  return { identities: [], features: [], forms: [] };
}

function merge(into: DiscoInfo, from: DiscoInfo): void {
  into.identities.push(...from.identities);
  into.features.push(...from.features);
  into.forms.push(...from.forms.map(clone));
}

function readInfo(query: Element): DiscoInfo {
  return {
    identities: query.getChildren('identity').map((identity) => ({
      category: identity.attrs['category'] ?? '',
      type: identity.attrs['type'] ?? '',
      ...(identity.attrs['name'] === undefined ? {} : { name: identity.attrs['name'] }),
    })),
    features: query.getChildren('feature').flatMap((feature) => feature.attrs['var'] ?? []),
    forms: query.getChildren('x', NS.dataForms),
  };
}
