import { Bystanders } from './bystanders.js';
import { type FederatedCore, loopbackAddress, startFederated } from './federation.js';
import { RawServer } from './raw-server.js';

/** A core for tests of abuse, for which the test is every other server. */
export interface Siege {
  /** Whoever the core connects to, whatever the domain. */
  readonly peer: RawServer;
  /** Of the domain `capulet.test`. */
  readonly capulet: FederatedCore;
  stop(): Promise<void>;
}

/** The same among bystanders, who must not notice. */
export interface SiegeAmongBystanders extends Siege {
  readonly bystanders: Bystanders;
}

/** Settings of a component `echo`. */
export const ECHO = {
  COMPONENTS: 'echo',
  COMPONENT_ECHO_DOMAIN: 'echo.capulet.test',
  COMPONENT_ECHO_SECRET: 'secret',
} as const;

/** Starts the core with these accounts (password `secret`). */
export async function besiege(
  settings: Readonly<Record<string, string>>,
  users: readonly string[],
): Promise<Siege> {
  const peer = await RawServer.start(loopbackAddress());
  const stops = [() => peer.stop()];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const capulet = await startFederated(
      'capulet.test',
      loopbackAddress(),
      { '*': peer.address },
      { S2S_REQUIRE_TLS: 'false', ...settings },
    );
    stops.push(() => capulet.core.stop());
    await capulet.core.addUsers(...users.map((name) => `${name}@capulet.test`));
    return { peer, capulet, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The same, with bystanders who chat already. */
export async function besiegeAmongBystanders(
  settings: Readonly<Record<string, string>>,
  users: readonly string[],
): Promise<SiegeAmongBystanders> {
  const siege = await besiege(settings, ['writer', 'reader', ...users]);
  try {
    const bystanders = await Bystanders.start(siege.capulet.core, 'capulet.test');
    const stop = async (): Promise<void> => {
      await bystanders.stop();
      await siege.stop();
    };
    return { ...siege, bystanders, stop };
  } catch (error) {
    await siege.stop();
    throw error;
  }
}
