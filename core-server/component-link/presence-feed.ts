import { clone } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { delayElement } from '../../shared/xmpp/datetime.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import type { AccountState } from '../sessions/account-state.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import type { ComponentStream } from './component-stream.js';
import type { Grants } from './grants.js';
import { RemotePresences } from './remote-presences.js';

/** Presences replayed before other work gets its turn. */
const REPLAY_BATCH = 200;
/** More than this waits for the component's reading. */
const REPLAY_BYTES = 1024 * 1024;

/** Presence for privileged entities (XEP-0356 §"Presence Permission"). */
export class PresenceFeed {
  readonly #core: Core;
  readonly #registry: ComponentRegistry;
  readonly #remote = new RemotePresences();

  constructor(core: Core, registry: ComponentRegistry) {
    this.#core = core;
    this.#registry = registry;
    // §"Managed Entity Presence": of that grant only initial and unavailable presence; the other one has all
    core.hooks.presenceBroadcast.on((_session, presence) => this.#tell(['roster'], presence));
    core.hooks.sessionAvailable.on((_session, presence) => this.#tell(['managed_entity'], presence));
    core.hooks.sessionUnavailable.on((_session, presence) =>
      this.#tell(['managed_entity', 'roster'], presence),
    );
    core.hooks.presenceReceived.on((account, presence, from) => this.#received(account, presence, from));
    core.hooks.remoteLost.on((domain) => this.#remote.forgetDomain(domain));
    registry.onUp((domain, stream) => void this.#replay(domain, stream));
  }

  #tell(grants: readonly Grants['presence'][], presence: Stanza): void {
    for (const domain of this.#registry.domains.values()) {
      if (!domain.connected || !grants.includes(domain.grants.presence)) continue;
      const addressed = presence.readdress({ to: domain.name });
      for (const stream of domain.streams) stream.send(addressed.text);
    }
  }

  /** Presence of a contact as an account receives it, or would if it were available. */
  #received(account: AccountState, presence: Stanza, from: Jid): void {
    // our own accounts' presence is told at its source
    if (this.#core.hosts(from.domain) || !account.roster.subscribedTo(from.bare)) return;
    if (presence.type === 'unavailable') this.#remote.unavailable(from);
    else if (!this.#remote.available(presence, from)) return;
    this.#tell(['roster'], presence);
  }

  /** A component that connects later learns who is there, paced. */
  async #replay(domain: ComponentDomain, stream: ComponentStream): Promise<void> {
    const granted = domain.grants.presence;
    if (granted === 'none') return;
    let count = 0;
    const send = async (presence: Stanza, time: number): Promise<void> => {
      if (stream.domain !== domain) return;
      stream.send(repeated(presence, time).readdress({ to: domain.name }).text);
      domain.sent++;
      if (++count % REPLAY_BATCH === 0) await this.#room(stream);
    };
    for (const account of this.#core.directory.online()) {
      for (const session of account.sessions) {
        if (session.presence !== null) await send(session.presence, session.presenceTime);
      }
    }
    if (granted !== 'roster' || stream.domain !== domain) return;
    for (const { presence, time } of this.#remote) await send(presence, time);
  }

  async #room(stream: ComponentStream): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (stream.domain !== null && stream.transport.queuedBytes > REPLAY_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** XEP-0203 §2: when it was sent, so that a component can tell who came while it was away from who had been there. */
function repeated(presence: Stanza, time: number): Stanza {
  const copy = clone(presence.element);
  copy.append(delayElement({ stamp: time }));
  return Stanza.fromElement(copy);
}
