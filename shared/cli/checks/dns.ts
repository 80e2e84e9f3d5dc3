import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Finding, finding } from './finding.js';

interface DnsOptions {
  /** All queries together end within this time. */
  readonly timeoutMilliseconds: number;
  /** Instead of the system's; `address:port` where it is not 53. */
  readonly servers?: readonly string[];
}

interface Service {
  readonly name: string;
  readonly port: number;
  readonly required: boolean;
}

interface CheckedDomain {
  readonly name: string;
  /** Whether clients log in there: component domains need server records only. */
  readonly clients: boolean;
}

/** The SRV records of each domain (RFC 6120 §3.2.1, XEP-0368) and where they lead; says which records to add. */
export async function checkDns(
  domains: readonly CheckedDomain[],
  ports: Readonly<Record<'c2s' | 'c2sTls' | 's2s' | 's2sTls', number>>,
  options: DnsOptions,
): Promise<Finding[]> {
  const services: Service[] = [
    { name: '_xmpp-client._tcp', port: ports.c2s, required: true },
    { name: '_xmpps-client._tcp', port: ports.c2sTls, required: false },
    { name: '_xmpp-server._tcp', port: ports.s2s, required: true },
    { name: '_xmpps-server._tcp', port: ports.s2sTls, required: false },
  ].filter(({ port }) => port !== 0);
  const resolver = new Resolver({ timeout: options.timeoutMilliseconds / 2, tries: 1 });
  if (options.servers !== undefined && options.servers.length > 0) resolver.setServers([...options.servers]);
  const timer = setTimeout(() => resolver.cancel(), options.timeoutMilliseconds);
  try {
    const checks = domains
      .filter(({ name }) => name !== 'localhost' && !name.endsWith('.localhost') && isIP(name) === 0)
      .flatMap(({ name, clients }) =>
        services
          .filter((service) => clients || service.name.includes('server'))
          .map((service) => checkService(resolver, name, service)),
      );
    if (checks.length === 0)
      return [finding('note', 'dns', 'no public domain is configured: nothing to look up')];
    return (await Promise.all(checks)).flat();
  } finally {
    clearTimeout(timer);
  }
}

async function checkService(resolver: Resolver, domain: string, service: Service): Promise<Finding[]> {
  const name = `${service.name}.${domain}`;
  const wanted = `${name}. IN SRV 0 5 ${service.port} ${domain}.`;
  let records: { name: string; port: number }[];
  try {
    records = await resolver.resolveSrv(name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code !== 'ENOTFOUND' && code !== 'ENODATA') {
      return [finding('warning', 'dns', `${name}: cannot be looked up (${code})`)];
    }
    const address = await addressesOf(resolver, domain);
    const standard = service.port === (service.name.includes('client') ? 5222 : 5269);
    // Without SRV, peers try the domain's address at the standard port (RFC 6120 §3.2.2).
    const level = !service.required || (standard && address.length > 0) ? 'note' : 'error';
    return [finding(level, 'dns', `${name} has no SRV record; to add: ${wanted}`)];
  }
  return Promise.all(
    records.map(async (record) => {
      const to = `${name} → ${record.name}:${record.port}`;
      if (record.port !== service.port) {
        return finding('warning', 'dns', `${to}, but this system listens on ${service.port}`);
      }
      const addresses = await addressesOf(resolver, record.name);
      if (addresses.length === 0) return finding('error', 'dns', `${to}, which has no address`);
      const local = ownAddresses();
      return addresses.some((address) => local.has(address))
        ? finding('ok', 'dns', to)
        : finding(
            'note',
            'dns',
            `${to} (${addresses.join(', ')}): not an address of this host (NAT, or another host)`,
          );
    }),
  );
}

async function addressesOf(resolver: Resolver, name: string): Promise<string[]> {
  const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

function ownAddresses(): Set<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address),
    ),
  );
}
