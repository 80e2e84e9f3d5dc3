/** Roles and affiliations, and who may change which (XEP-0045 §5, §8–10). Pure tables: no room, no stanza. */

export type Role = 'none' | 'visitor' | 'participant' | 'moderator';
export type Affiliation = 'outcast' | 'none' | 'member' | 'admin' | 'owner';

export const ROLES: readonly Role[] = ['none', 'visitor', 'participant', 'moderator'];
export const AFFILIATIONS: readonly Affiliation[] = ['outcast', 'none', 'member', 'admin', 'owner'];

/** Whether a text names a role (XEP-0045 §5.1). */
export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/** Whether a text names an affiliation (XEP-0045 §5.2). */
export function isAffiliation(text: string): text is Affiliation {
  return (AFFILIATIONS as readonly string[]).includes(text);
}

/** Whether `held` is `wanted` or stands above it. */
export function atLeast(held: Affiliation, wanted: Affiliation): boolean {
  return AFFILIATIONS.indexOf(held) >= AFFILIATIONS.indexOf(wanted);
}

/** Whether a role includes another. */
export function roleAtLeast(held: Role, wanted: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(wanted);
}

/** §5.1.2: the role with which someone enters. `none` for those who may not. */
export function initialRole(
  affiliation: Affiliation,
  room: { moderated: boolean; membersOnly: boolean },
): Role {
  switch (affiliation) {
    case 'owner':
    case 'admin':
      return 'moderator';
    case 'member':
      return 'participant';
    case 'none':
      return room.membersOnly ? 'none' : room.moderated ? 'visitor' : 'participant';
    case 'outcast':
      return 'none';
  }
}

/** Why a change is refused: the error's condition, named as the clause names it. */
export type Refusal = 'forbidden' | 'not-allowed' | 'conflict';

export interface Standing {
  readonly affiliation: Affiliation;
  readonly role: Role;
}

/**
 * §5.1.3, §8.2–8.4, §9.6–9.8: may `actor` give `target` the role `wanted`? `null` when it may.
 * An admin or owner needs not be in the room for this.
 */
export function roleChangeRefusal(
  actor: Standing,
  target: Standing,
  wanted: Role,
  self: boolean,
): Refusal | null {
  const administers = atLeast(actor.affiliation, 'admin');
  // §8: only moderators; §9.6, §9.7: what touches the moderator role needs an admin.
  if (!administers && actor.role !== 'moderator') return 'forbidden';
  if (wanted === 'none') {
    if (self) return null;
    // §8.2: never someone of a higher affiliation. §5.1.3: a moderator is kicked by an admin or owner only.
    if (!atLeast(actor.affiliation, target.affiliation)) return 'not-allowed';
    return target.role === 'moderator' && !administers ? 'not-allowed' : null;
  }
  if (wanted === 'moderator') return administers ? null : 'forbidden';
  // §8.4, §9.7: nobody takes voice or the moderator role from an admin or owner.
  if (atLeast(target.affiliation, 'admin')) return 'not-allowed';
  if (target.role === 'moderator' && !administers) return self ? null : 'forbidden';
  if (wanted === 'visitor') {
    if (!atLeast(actor.affiliation, target.affiliation)) return 'not-allowed';
    // §8.4 "at or above the moderator's level": 'none' is the absence of an affiliation, not a level.
    if (!self && !administers && target.affiliation === actor.affiliation && target.affiliation !== 'none')
      return 'not-allowed';
  }
  return null;
}

/** §5.2.2, §9.1–9.5, §10.3–10.8: may `actor` change an affiliation from `held` to `wanted`? `null` when it may. */
export function affiliationChangeRefusal(
  actor: Affiliation,
  held: Affiliation,
  wanted: Affiliation,
  self: boolean,
): Refusal | null {
  if (!atLeast(actor, 'admin')) return 'forbidden';
  if (wanted === 'outcast' && self) return 'conflict';
  if (actor === 'owner') return null;
  // §10.5, §10.8: the owner and admin lists are the owners' alone.
  if (atLeast(wanted, 'admin')) return 'forbidden';
  // An admin may resign; otherwise only an owner touches an admin or owner (§5.2.2, §9.1).
  if (atLeast(held, 'admin')) return self && held === 'admin' ? null : 'not-allowed';
  return null;
}

/** §5.1.3 note: the role that follows from a new affiliation, for an occupant who holds `role`. */
export function roleAfter(
  role: Role,
  before: Affiliation,
  after: Affiliation,
  room: { moderated: boolean; membersOnly: boolean },
): Role {
  const initial = initialRole(after, room);
  if (initial === 'none') return 'none';
  if (atLeast(after, 'admin')) return 'moderator';
  // What came with an admin's or owner's affiliation goes with it; what a moderator gave stays.
  if (atLeast(before, 'admin')) return initial;
  return roleAtLeast(role, initial) ? role : initial;
}
