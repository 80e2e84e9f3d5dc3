import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { domainToDns } from '../../shared/xmpp/jid.js';
import { FederationFailure } from './failure.js';
import { inServiceOrder, type ServiceRecord } from './srv-order.js';

/** Where to try to connect to: a host whose addresses are looked up when its turn has come. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (XEP-0368). */
  readonly direct: boolean;
  /** It is the domain itself, since no SRV record was found (RFC 6120 §3.2.2). */
  readonly fallback: boolean;
}

/** The part of `dns/promises` that is used; tests give another. */
interface NameService {
  resolveSrv(
    name: string,
  ): Promise<readonly { name: string; port: number; priority: number; weight: number }[]>;
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
  /** The system's own look-up (its hosts file), where the operator named no DNS servers. */
  lookup?(name: string): Promise<readonly string[]>;
}

/** The port of servers where nothing else is said (RFC 6120 §14.7). */
export const SERVER_PORT = 5269;
const DNS_MILLISECONDS = 3000;
const DNS_TRIES = 2;

/** A resolver that asks `servers` (`address` or `address:port`), or the system's when there are none. */
export function createNameService(servers: readonly string[]): NameService {
  const resolver = new Resolver({ timeout: DNS_MILLISECONDS, tries: DNS_TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  return {
    resolveSrv: (name) => resolver.resolveSrv(name),
    resolve4: (name) => resolver.resolve4(name),
    resolve6: (name) => resolver.resolve6(name),
    ...(servers.length > 0
      ? {}
      : {
          lookup: async (name: string) =>
            (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address),
        }),
  };
}

/** Finds the hosts of a domain (RFC 6120 §3.2) and the addresses of a host. */
export class TargetResolver {
  readonly #names: NameService;
  readonly #routes: ReadonlyMap<string, Target>;

  constructor(names: NameService, routes: ReadonlyMap<string, Target>) {
    this.#names = names;
    this.#routes = routes;
  }

  /** Hosts in the order in which to try them. Rejects with `remote-server-not-found`. */
  async targets(domain: string): Promise<Target[]> {
    const route = this.#routes.get(domain) ?? this.#routes.get('*');
    // RFC 6120 §3.2.3: an explicit association instead of SRV
    if (route !== undefined) return [route];
    const name = domainToDns(domain);
    const fallback = [{ host: name, port: SERVER_PORT, direct: false, fallback: true }];
    if (isIP(name) !== 0) return fallback;
    const [plain, direct] = await Promise.all([
      this.#records(`_xmpp-server._tcp.${name}`, false),
      this.#records(`_xmpps-server._tcp.${name}`, true),
    ]);
    const records = [...plain, ...direct];
    // §3.2.2: the fallback only where no SRV record was heard of
    if (records.length === 0) return fallback;
    // RFC 2782: a target "." says that the service is decidedly not available
    const usable = records.filter((record) => record.name !== '' && record.name !== '.');
    if (usable.length === 0) {
      throw new FederationFailure('remote-server-not-found', 'no XMPP service at this domain', {
        permanent: true,
      });
    }
    return inServiceOrder(usable).map(({ name: host, port, direct: tls }) => ({
      host,
      port,
      direct: tls,
      fallback: false,
    }));
  }

  /** The addresses of a host, both families taking turns, IPv6 first (RFC 8305 §4); empty if there are none. */
  async addresses(host: string): Promise<string[]> {
    if (isIP(host) !== 0) return [host];
    const [six, four] = await Promise.all([
      this.#names.resolve6(host).catch(() => []),
      this.#names.resolve4(host).catch(() => []),
    ]);
    const mixed: string[] = [];
    for (let index = 0; index < Math.max(six.length, four.length); index++) {
      const [v6, v4] = [six[index], four[index]];
      if (v6 !== undefined) mixed.push(v6);
      if (v4 !== undefined) mixed.push(v4);
    }
    if (mixed.length > 0 || this.#names.lookup === undefined) return mixed;
    return [...(await this.#names.lookup(host).catch(() => []))];
  }

  async #records(query: string, direct: boolean): Promise<ServiceRecord[]> {
    try {
      return (await this.#names.resolveSrv(query)).map((record) => ({ ...record, direct }));
    } catch {
      return []; // §3.2.1 step 9: no answer counts as none
    }
  }
}
