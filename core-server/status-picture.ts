import type { Neighbour, Picture } from '../shared/observability/status-page.js';
import type { Core } from './core.js';

/** A latency older than this is measured anew when somebody looks at the picture. */
const STALE_MILLISECONDS = 2000;
const MOST_PEERS = 12;

/** The core among its components and the servers that it talks with. */
export function corePicture(core: Core, routed: () => number): Picture {
  const components = [...core.components.domains.values()]
    // one that has no secret cannot connect, and none is expected
    .filter((domain) => domain.secret !== null)
    .map((domain): Neighbour => {
      domain.pings.measure(STALE_MILLISECONDS);
      return {
        kind: 'component',
        name: domain.label,
        address: domain.name,
        up: domain.connected,
        stanzas: domain.sent + domain.received,
        waiting: domain.held,
        latency: domain.pings.roundTripMilliseconds,
      };
    });
  const peers = (core.peers?.() ?? [])
    .sort((one, other) => other.waiting - one.waiting)
    .slice(0, MOST_PEERS)
    .map(
      ({ remote, streams, waiting, stanzas }): Neighbour => ({
        kind: 'peer',
        name: remote,
        address: `${streams} stream${streams === 1 ? '' : 's'}`,
        up: streams > 0,
        stanzas,
        waiting,
        latency: null,
      }),
    );
  return {
    stanzas: routed(),
    facts: { sessions: core.sessions.count, 'client streams': core.streams.all.size },
    neighbours: [...components, ...peers],
  };
}
