import type { Component } from '../../shared/component/component.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { needsRoster, refusalOf } from './access.js';
import type { Accounts } from './nodes/accounts.js';
import type { PepNode } from './nodes/node.js';
import type { Notifier } from './notify/notifier.js';
import type { Presences } from './server/presences.js';
import type { Contact, Rosters } from './server/rosters.js';

export interface PepLimits {
  readonly nodesPerAccount: number;
  readonly itemsPerNode: number;
  readonly payloadBytes: number;
  readonly nodeBytes: number;
  readonly subscriptionsPerNode: number;
}

/** What the use cases work with. */
export class Pep {
  readonly component: Component;
  readonly accounts: Accounts;
  readonly rosters: Rosters;
  readonly presences: Presences;
  readonly notifier: Notifier;
  readonly limits: PepLimits;
  /** Called when an account has a new node, which may be its first. */
  readonly nodesCreated: (owner: string) => void;
  /** Called when the owner has changed what a node holds. */
  nodeChanged: (owner: string, node: PepNode) => void = () => undefined;
  /** Called when a node has got another access model. */
  accessChanged: (owner: string, node: PepNode) => void = () => undefined;

  constructor(parts: {
    component: Component;
    accounts: Accounts;
    rosters: Rosters;
    presences: Presences;
    notifier: Notifier;
    limits: PepLimits;
    nodesCreated: (owner: string) => void;
  }) {
    this.component = parts.component;
    this.accounts = parts.accounts;
    this.rosters = parts.rosters;
    this.presences = parts.presences;
    this.notifier = parts.notifier;
    this.limits = parts.limits;
    this.nodesCreated = parts.nodesCreated;
  }

  /** An entity in an account's roster; undefined where it is in none. */
  async contact(owner: string, entity: Jid): Promise<Contact | undefined> {
    return (await this.rosters.get(owner)).get(entity.bare);
  }

  /** Why an entity may not see a node; null where it may. Asks for the owner's roster only where that matters. */
  async refusal(owner: string, node: PepNode, entity: Jid): Promise<StanzaError | null> {
    const asks = entity.bare !== owner && needsRoster(node);
    return refusalOf(owner, node, entity, asks ? await this.contact(owner, entity) : undefined);
  }
}
