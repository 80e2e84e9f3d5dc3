import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { CollectionDefinition, Versioned } from '../../shared/storage/storage.js';
import { elementText, jidText } from '../../shared/storage/stored-text.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { Roster } from './roster.js';

const itemSchema = z.object({
  jid: jidText,
  name: z.string().optional(),
  groups: z.array(z.string()),
  subscription: z.enum(['none', 'to', 'from', 'both']),
  ask: z.boolean(),
  approved: z.boolean(),
});
const rosterSchema = z.object({
  /** Random, so that versions of a former account of this name never match. */
  epoch: z.string(),
  version: z.number().int(),
  items: z.array(itemSchema),
  pending: z.array(z.object({ from: jidText, stanza: elementText })),
});
export type RosterDocument = z.infer<typeof rosterSchema>;

/** Rosters, by bare JID. */
export const ROSTERS: CollectionDefinition<RosterDocument> = {
  name: 'roster',
  schema: rosterSchema,
  schemaVersion: 1,
};

/** The roster that a stored document tells of; an empty one for an account without. */
export function rosterOf(stored: Versioned<RosterDocument> | undefined): Roster {
  const roster = new Roster();
  if (stored === undefined) {
    roster.epoch = randomBytes(6).toString('base64url');
    return roster;
  }
  const { value } = stored;
  roster.epoch = value.epoch;
  roster.version = value.version;
  for (const item of value.items) {
    const { name, ...rest } = item;
    const jid = item.jid as BareJid;
    roster.items.set(jid, name === undefined ? { ...rest, jid } : { ...rest, jid, name });
  }
  for (const request of value.pending) {
    const from = request.from as BareJid;
    roster.pendingIn.set(from, { from, stanza: request.stanza });
  }
  return roster;
}

/** A roster as it is stored. */
export function documentOf(roster: Roster): RosterDocument {
  return {
    epoch: roster.epoch,
    version: roster.version,
    items: [...roster.items.values()].map((item) => ({ ...item, groups: [...item.groups] })),
    pending: [...roster.pendingIn.values()],
  };
}
