import { randomInt } from 'node:crypto';
import { CoreUnderTest } from './core-harness.js';

/**
 * The port on which every server of a test listens, each at a loopback address of its own. Not 5269: something may listen
 * there on all addresses. Below the ports that the system gives away.
 */
export const S2S_TEST_PORT = randomInt(15_000, 32_000);

/** A loopback address that no other test is likely to use: servers find each other by it before they run. */
export function loopbackAddress(): string {
  return `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`;
}

export interface FederatedCore {
  readonly core: CoreUnderTest;
  readonly domain: string;
  readonly address: string;
}

/** A core at its own loopback address, which finds other servers by `routes` (`domain` → address). */
export async function startFederated(
  domain: string,
  address: string,
  routes: Readonly<Record<string, string>>,
  settings: Record<string, string> = {},
): Promise<FederatedCore> {
  const core = await CoreUnderTest.start({
    XMPP_DOMAINS: domain,
    LISTEN_HOST: address,
    S2S_PORT: String(S2S_TEST_PORT),
    S2S_ROUTES: Object.entries(routes)
      .map(([name, host]) => `${name}=${host.includes(':') ? host : `${host}:${S2S_TEST_PORT}`}`)
      .join(','),
    S2S_CONNECT_SECONDS: '10',
    ...settings,
  });
  return { core, domain, address };
}

/** Two cores that know each other's addresses. */
export async function startPair(
  one: { domain: string; settings?: Record<string, string> },
  other: { domain: string; settings?: Record<string, string> },
): Promise<readonly [FederatedCore, FederatedCore]> {
  const [here, there] = [loopbackAddress(), loopbackAddress()];
  return Promise.all([
    startFederated(one.domain, here, { [`${other.domain}`]: there }, one.settings),
    startFederated(other.domain, there, { [`${one.domain}`]: here }, other.settings),
  ]);
}
