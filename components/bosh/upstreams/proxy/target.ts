import { resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Where a server listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (XEP-0368) instead of STARTTLS. */
  readonly directTls: boolean;
}

/** What `BOSH_UPSTREAM` names. */
export interface UpstreamAddress {
  /** `*`: the domain that the client asks for. */
  readonly host: string;
  /** Absent: looked up by SRV (RFC 6120 §3.2). */
  readonly port: number | undefined;
  readonly directTls: boolean;
}

/** Reads `xmpp://host`, `xmpp://host:port`, `xmpps://host:port` or `xmpp://*`; undefined where it is none of them. */
export function parseUpstreamAddress(text: string): UpstreamAddress | undefined {
  const match = /^(xmpps?):\/\/(\*|\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme, host = '', portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  if (host === '*' && port !== undefined) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port, directTls: scheme === 'xmpps' };
}

/** Reads one `host:port` of `BOSH_ROUTES`, or `xmpp:host:port` of a client's `route`. */
export function parseRoute(text: string): Target | undefined {
  const match = /^(?:xmpp:)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65535) return undefined;
  return { host: match[1].replace(/^\[|\]$/g, '').toLowerCase(), port, directTls: false };
}

/** The targets to try, best first. Empty where the domain says that it offers no such service. */
export async function resolveTargets(address: UpstreamAddress, domain: string): Promise<Target[]> {
  const { directTls } = address;
  const host = address.host === '*' ? domain : address.host;
  const fallback = { host, port: directTls ? 5223 : 5222, directTls };
  if (address.port !== undefined) return [{ host, port: address.port, directTls }];
  if (isIP(host) !== 0) return [fallback];
  try {
    const records = await resolveSrv(`_${directTls ? 'xmpps' : 'xmpp'}-client._tcp.${host}`);
    // RFC 2782: a single "." says that the service is decidedly not available.
    if (records.length === 1 && (records[0]?.name === '.' || records[0]?.name === '')) return [];
    if (records.length === 0) return [fallback];
    return inOrder(records).map(({ name, port }) => ({ host: name, port, directTls }));
  } catch {
    // RFC 6120 §3.2.2: without SRV records, the host's own addresses and the usual port.
    return [fallback];
  }
}

interface Weighted {
  readonly priority: number;
  readonly weight: number;
}

/** Lowest priority first; among equals at random by weight (RFC 2782). */
export function inOrder<T extends Weighted>(records: readonly T[], random: () => number = Math.random): T[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: T[] = [];
  while (left.length > 0) {
    const same = left.filter((record) => record.priority === left[0]?.priority);
    let point = random() * same.reduce((sum, record) => sum + record.weight, 0);
    const chosen = same.find((record) => {
      point -= record.weight;
      return point <= 0;
    });
    const next = chosen ?? same[0];
    if (next === undefined) break;
    ordered.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return ordered;
}
