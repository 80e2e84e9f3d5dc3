import type { Component, ServerLink } from '../../shared/component/component.js';
import type { Readiness } from '../../shared/observability/server.js';
import type { Changes } from './changes.js';
import type { CoreEnforcer } from './enforcer.js';
import type { ListStore } from './list-store.js';
import type { ServerAgreements } from './server-agreements.js';
import { synchronise } from './synchronise.js';

interface ComparisonParts {
  readonly component: Component;
  readonly store: ListStore;
  readonly agreements: ServerAgreements;
  readonly enforcer: CoreEnforcer;
  readonly changes: Changes;
  readonly allowUnenforced: boolean;
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

/** Compares, whenever the link is up, the lists here with the rules that the server has in force for each of its domains. */
export class Comparison {
  readonly #parts: ComparisonParts;
  /** Which of the streams to the server this is: an answer on an earlier one is none. */
  #stream = 0;
  /** Domains with which lists and rules have not been compared on this stream. */
  readonly #unmet = new Set<string>();

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
    const { component, setReadiness } = parts;
    setReadiness(NOT_COMPARED);
    component.onDown(() => setReadiness(NOT_COMPARED));
    component.onUp((link) => this.#begin(link));
  }

  #begin(link: ServerLink): void {
    this.#stream++;
    for (const domain of link.domains.keys()) {
      this.#unmet.add(domain);
      void this.#meet(domain, this.#stream);
    }
  }

  /** What a server speaks, then where its accounts stand. */
  async #meet(domain: string, on: number): Promise<void> {
    const { component, store, agreements, enforcer, changes } = this.#parts;
    if (on !== this.#stream || !component.server.connected) return;
    const enforces = await agreements.agree(domain);
    try {
      if (enforces === false) return await this.#unenforced(domain);
      if (enforces === null) throw new Error(`${domain} does not answer`);
      await synchronise(domain, { store, enforcer, changes, log: component.log });
      if (on === this.#stream) await this.#served(domain);
    } catch (error) {
      component.log.error(
        { code: 'privacy.not-synchronised', domain, error },
        'the comparison with the core failed: tried again',
      );
      setTimeout(() => void this.#meet(domain, on), RETRY_MILLISECONDS).unref();
    }
  }

  /** All domains are of one server: what waits for the comparison waits for the last of them. */
  async #served(domain: string): Promise<void> {
    const { agreements, enforcer, setReadiness } = this.#parts;
    this.#unmet.delete(domain);
    if (this.#unmet.size > 0) return;
    if (await agreements.enforces(domain)) await enforcer.synchronised(domain);
    setReadiness({ ready: true });
  }

  async #unenforced(domain: string): Promise<void> {
    const { component, allowUnenforced, refuse } = this.#parts;
    if (!allowUnenforced) {
      refuse(
        `${domain} cannot enforce privacy lists (it does not speak urn:entourage:privacy-enforcement:1); ` +
          'ALLOW_UNENFORCED=true serves them all the same',
      );
      return;
    }
    component.log.warn(
      { code: 'privacy.unenforced', domain },
      'this server does not speak the privacy enforcement protocol: lists are kept but nothing is blocked',
    );
    await this.#served(domain);
  }
}
