import { type Component, NOT_MINE } from '../../shared/component/component.js';
import type { Logger, Metrics } from '../../shared/observability/types.js';
import type { Storage } from '../../shared/storage/storage.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { Commands } from './commands.js';
import type { MucPolicy } from './context.js';
import { serviceFeatures, serviceItems } from './discovery.js';
import { MucService } from './muc-service.js';
import type { MulticastMode } from './multicast.js';

interface MucComposition {
  readonly component: Component;
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly policy: MucPolicy;
  readonly multicast: MulticastMode;
  /** Folder of public logs, or null. */
  readonly logFolder: string | null;
  /** Closes the service for good: for its ad-hoc command. */
  readonly close: () => Promise<number>;
  readonly superseded: () => void;
  readonly now?: () => number;
}

/** Multi-user chat (XEP-0045) as a component: registers everything, before the component starts. */
export async function composeMuc(options: MucComposition): Promise<MucService> {
  const { component, metrics, policy } = options;
  const counters = {
    messages: metrics.counter('muc_messages_total', 'Groupchat messages accepted.'),
    deliveries: metrics.counter('muc_deliveries_total', 'Copies of groupchat messages sent to occupants.'),
    joins: metrics.counter('muc_joins_total', 'Sessions that entered a room.'),
    ghosts: metrics.counter('muc_ghosts_total', 'Sessions removed because they had gone without a word.'),
    refusals: metrics.counter('muc_refusals_total', 'Stanzas answered with an error, by its condition.', [
      'condition',
    ]),
  };
  const service = await MucService.open({ ...options, counters });

  component.disco.identity({ category: 'conference', type: 'text', name: policy.name });
  component.disco.feature(...serviceFeatures(policy));
  const commands = new Commands({
    domain: component.domain,
    isAdmin: (bare) => policy.admins.has(bare),
    close: options.close,
    destroyRoom: (local, reason) => service.destroyRoom(local, reason),
  });
  component.onIq('get', NS.discoItems, 'query', ({ to, from, payload }) => {
    if (to.local !== '') return NOT_MINE;
    if (payload.attrs['node'] === NS.commands) return commands.items(from.bare);
    return service.directory.list().then((rooms) => serviceItems(rooms, payload));
  });
  component.onIq('get', NS.discoInfo, 'query', ({ to, from, payload }) =>
    to.local === '' ? commands.info(from.bare, payload.attrs['node'] ?? '') : NOT_MINE,
  );
  component.onIq('set', NS.commands, 'command', (request) =>
    request.to.local === '' ? commands.execute(request) : NOT_MINE,
  );
  service.attach();

  metrics.observedGauge('muc_rooms', 'Rooms in memory.', () => service.counts.rooms);
  metrics.observedGauge('muc_occupants', 'Occupants of the rooms in memory.', () => service.counts.occupants);
  metrics.observedGauge(
    'muc_unconfirmed_messages',
    'Groupchat messages whose delivery the server has not confirmed.',
    () => service.counts.unconfirmed,
  );
  return service;
}
