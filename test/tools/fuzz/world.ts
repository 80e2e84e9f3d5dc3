import type { Dice } from './dice.js';
import { hostileJid } from './values.js';

/** What a generator may name: addresses that exist, so that what it says goes deep. */
export interface World {
  readonly domain: string;
  /** Domains of the components: `muc`, `pep`, … */
  readonly services: Readonly<Record<string, string>>;
  /** The full JID of whoever speaks. */
  readonly own: string;
  /** Others that attack: bare JIDs of accounts. */
  readonly attackers: readonly string[];
  /** Those who must not notice: bare JIDs. */
  readonly victims: readonly string[];
  readonly rooms: readonly string[];
}

export function bareOf(jid: string): string {
  return jid.replace(/\/.*$/s, '');
}

/** An address that exists, or one that might, or (sometimes) one that nobody should have. */
export function anyJid(dice: Dice, world: World): string {
  const kind = dice.next();
  if (kind < 0.2) return dice.pick(world.victims);
  if (kind < 0.4) return dice.pick(world.attackers);
  if (kind < 0.5) return bareOf(world.own);
  if (kind < 0.55) return world.own;
  if (kind < 0.6) return `${dice.pick(world.attackers)}/fuzz`;
  if (kind < 0.67) return world.domain;
  if (kind < 0.72) return dice.pick(Object.values(world.services));
  if (kind < 0.8) return dice.pick(world.rooms);
  if (kind < 0.85) return `${dice.pick(world.rooms)}/${dice.pick(['nick', 'other', 'a3', 'a1'])}`;
  if (kind < 0.87) return `nobody${dice.below(50)}@${world.domain}`;
  return hostileJid(dice, [world.domain, ...Object.values(world.services)]);
}

/** Where an IQ may go that is to be answered: absent, the server, a service, an account, a room. */
export function anyTarget(dice: Dice, world: World): string | undefined {
  const kind = dice.next();
  if (kind < 0.3) return undefined;
  if (kind < 0.5) return bareOf(world.own);
  if (kind < 0.6) return world.domain;
  return anyJid(dice, world);
}
