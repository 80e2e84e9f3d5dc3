import type { Stanza } from '../xml/stanza.js';
import type { DelegationGrant, DomainGrants, Privileges, ServerLink } from './component.js';
import { mergeDelegations, readDelegationAdvertisement } from './delegation.js';
import { NO_PRIVILEGES, readPrivilegeAdvertisement } from './privilege.js';

class Grants implements DomainGrants {
  delegations: ReadonlyMap<string, DelegationGrant> = new Map();
  privileges: Privileges = NO_PRIVILEGES;
  features: ReadonlySet<string> = new Set();
}

/** What a component waits for after its handshake before it says that it is up. */
export interface Expectation {
  readonly delegations: readonly string[];
  readonly privileges: boolean;
}

/** What the server has advertised on this stream, for each domain that it hosts. All of it ends with the stream. */
export class ServerGrants implements ServerLink {
  connected = false;
  private readonly hosts: ReadonlyMap<string, Grants>;
  private readonly main: Grants;

  constructor(serverDomains: readonly string[]) {
    this.hosts = new Map(serverDomains.map((domain) => [domain, new Grants()]));
    const main = this.hosts.values().next().value;
    if (main === undefined) throw new TypeError('a component serves at least one domain');
    this.main = main;
  }

  get delegations(): ReadonlyMap<string, DelegationGrant> {
    return this.main.delegations;
  }
  get privileges(): Privileges {
    return this.main.privileges;
  }
  get features(): ReadonlySet<string> {
    return this.main.features;
  }
  get domains(): ReadonlyMap<string, DomainGrants> {
    return this.hosts;
  }

  privilegesOf(domain: string): Privileges {
    return this.hosts.get(domain)?.privileges ?? NO_PRIVILEGES;
  }

  /**
   * Takes an advertisement. Only from the domains that we were told to serve: anyone on the network can send a message
   * that looks like one.
   */
  read(message: Stanza): boolean {
    const from = message.fromJid;
    const grants =
      from && from.local === '' && from.resource === '' ? this.hosts.get(from.domain) : undefined;
    if (grants === undefined || message.type === 'error') return false;
    const delegation = readDelegationAdvertisement(message);
    const privileges = readPrivilegeAdvertisement(message);
    if (delegation !== null) grants.delegations = mergeDelegations(grants.delegations, delegation);
    // Where a server speaks both generations, the newer one holds.
    if (privileges !== null && (privileges.generation ?? 0) >= (grants.privileges.generation ?? 0)) {
      grants.privileges = privileges;
    }
    return delegation !== null || privileges !== null;
  }

  setFeatures(domain: string, features: ReadonlySet<string>): void {
    const grants = this.hosts.get(domain);
    if (grants !== undefined) grants.features = features;
  }

  /** Whether everything expected is there, on the main domain. */
  meets(expectation: Expectation): boolean {
    const { delegations, privileges } = this.main;
    return (
      expectation.delegations.every((namespace) => delegations.has(namespace)) &&
      (!expectation.privileges || privileges.generation !== null)
    );
  }

  /** Grants end with the stream that held them. */
  clear(): void {
    this.connected = false;
    for (const grants of this.hosts.values()) {
      grants.delegations = new Map();
      grants.privileges = NO_PRIVILEGES;
      grants.features = new Set();
    }
  }
}
