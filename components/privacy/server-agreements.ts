import type { Component } from '../../shared/component/component.js';
import { xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** The version of docs/protocols/privacy-enforcement.md that this component speaks. */
const VERSION = '1';
/** How long a request waits for the agreement after a reconnection. */
const WAIT_MILLISECONDS = 10_000;

interface Agreement {
  /** Whether the server enforces; null while it has not been asked on this stream. */
  enforces: boolean | null;
  waiting: ((enforces: boolean) => void)[];
}

/** What was agreed with each server domain on the present stream: whether it enforces what it is given. */
export class ServerAgreements {
  readonly #component: Component;
  readonly #allowUnenforced: boolean;
  readonly #agreements = new Map<string, Agreement>();

  constructor(component: Component, allowUnenforced: boolean) {
    this.#component = component;
    this.#allowUnenforced = allowUnenforced;
    component.onDown(() => {
      for (const agreement of this.#agreements.values()) agreement.enforces = null;
    });
  }

  /**
   * Asks a server on a new stream. Resolves with whether it enforces, or with null when it did not answer: then nothing is
   * known and requests wait. A server whose features are known and lack the protocol is not asked.
   */
  async agree(domain: string): Promise<boolean | null> {
    const features = this.#component.server.domains.get(domain)?.features;
    const lacking = features !== undefined && features.size > 0 && !features.has(NS.privacyEnforcement);
    const enforces = lacking ? false : await this.#hello(domain);
    if (enforces === null) return null;
    const agreement = this.#of(domain);
    agreement.enforces = enforces;
    const { waiting } = agreement;
    agreement.waiting = [];
    for (const tell of waiting) tell(enforces);
    return enforces;
  }

  /**
   * Whether a domain's server enforces, waited for after a reconnection. Rejects with `remote-server-timeout` when that does
   * not become known, and with `service-unavailable` when it does not and serving lists without that is not allowed.
   */
  async enforces(domain: string): Promise<boolean> {
    const agreement = this.#of(domain);
    const enforces = agreement.enforces ?? (await this.#known(agreement));
    if (!enforces && !this.#allowUnenforced) throw new StanzaError('service-unavailable');
    return enforces;
  }

  async #hello(domain: string): Promise<boolean | null> {
    const hello = xml('hello', { xmlns: NS.privacyEnforcement, min: VERSION, max: VERSION });
    const iq = xml('iq', { type: 'get', from: this.#component.domain, to: domain }, hello);
    try {
      await this.#component.request(iq, { timeoutMilliseconds: WAIT_MILLISECONDS });
      return true;
    } catch (error) {
      const answered = error instanceof StanzaError && error.type !== 'wait';
      return answered ? false : null;
    }
  }

  #known(agreement: Agreement): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        agreement.waiting = agreement.waiting.filter((other) => other !== tell);
        reject(new StanzaError('remote-server-timeout'));
      }, WAIT_MILLISECONDS);
      const tell = (enforces: boolean): void => {
        clearTimeout(timer);
        resolve(enforces);
      };
      agreement.waiting.push(tell);
    });
  }

  #of(domain: string): Agreement {
    let agreement = this.#agreements.get(domain);
    if (agreement === undefined) {
      agreement = { enforces: null, waiting: [] };
      this.#agreements.set(domain, agreement);
    }
    return agreement;
  }
}
