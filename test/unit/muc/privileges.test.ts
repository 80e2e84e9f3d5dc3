import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AFFILIATIONS,
  type Affiliation,
  affiliationChangeRefusal,
  initialRole,
  type Refusal,
  type Role,
  roleAfter,
  roleChangeRefusal,
} from '../../../components/muc/rooms/privileges.js';

test('XEP-0045 §5.1.2 Default Roles', () => {
  const table: [string, { moderated: boolean; membersOnly: boolean }, Record<Affiliation, Role>][] = [
    [
      'moderated',
      { moderated: true, membersOnly: false },
      { outcast: 'none', none: 'visitor', member: 'participant', admin: 'moderator', owner: 'moderator' },
    ],
    [
      'unmoderated',
      { moderated: false, membersOnly: false },
      { outcast: 'none', none: 'participant', member: 'participant', admin: 'moderator', owner: 'moderator' },
    ],
    [
      'members-only',
      { moderated: false, membersOnly: true },
      { outcast: 'none', none: 'none', member: 'participant', admin: 'moderator', owner: 'moderator' },
    ],
    [
      'moderated and members-only',
      { moderated: true, membersOnly: true },
      { outcast: 'none', none: 'none', member: 'participant', admin: 'moderator', owner: 'moderator' },
    ],
  ];
  for (const [name, room, roles] of table) {
    for (const affiliation of AFFILIATIONS)
      assert.equal(initialRole(affiliation, room), roles[affiliation], `${affiliation} in a ${name} room`);
  }
});

test('XEP-0045 §5.1.3 Changing Roles, §8.2–8.4, §9.6–9.7', () => {
  type Who = `${Affiliation} ${Role}`;
  const table: [Who, Who, Role, Refusal | null][] = [
    // Kicks (§8.2): never someone of a higher affiliation; a moderator only by admins and owners.
    ['none moderator', 'none participant', 'none', null],
    ['none moderator', 'none visitor', 'none', null],
    ['none moderator', 'member participant', 'none', 'not-allowed'],
    ['none moderator', 'admin moderator', 'none', 'not-allowed'],
    ['none moderator', 'none moderator', 'none', 'not-allowed'],
    ['member moderator', 'member participant', 'none', null],
    ['admin moderator', 'owner moderator', 'none', 'not-allowed'],
    ['admin moderator', 'admin moderator', 'none', null],
    ['owner moderator', 'admin moderator', 'none', null],
    ['owner moderator', 'owner moderator', 'none', null],
    ['admin none', 'none participant', 'none', null],
    ['none participant', 'none visitor', 'none', 'forbidden'],
    ['member participant', 'none visitor', 'none', 'forbidden'],
    // Granting voice (§8.3).
    ['none moderator', 'none visitor', 'participant', null],
    ['none participant', 'none visitor', 'participant', 'forbidden'],
    // Revoking voice (§8.4): never from an admin or owner, not at or above the moderator's own level.
    ['none moderator', 'none participant', 'visitor', null],
    ['member moderator', 'none participant', 'visitor', null],
    ['member moderator', 'member participant', 'visitor', 'not-allowed'],
    ['none moderator', 'member participant', 'visitor', 'not-allowed'],
    ['owner moderator', 'admin moderator', 'visitor', 'not-allowed'],
    ['admin moderator', 'owner moderator', 'visitor', 'not-allowed'],
    ['admin moderator', 'member participant', 'visitor', null],
    // Granting and revoking the moderator role (§9.6, §9.7): admins and owners.
    ['none moderator', 'none participant', 'moderator', 'forbidden'],
    ['admin moderator', 'none participant', 'moderator', null],
    ['owner none', 'none visitor', 'moderator', null],
    ['none moderator', 'none moderator', 'participant', 'forbidden'],
    ['admin moderator', 'none moderator', 'participant', null],
    ['admin moderator', 'member moderator', 'visitor', null],
    ['admin moderator', 'admin moderator', 'participant', 'not-allowed'],
    ['owner moderator', 'admin moderator', 'participant', 'not-allowed'],
  ];
  const standing = (who: Who) => {
    const [affiliation, role] = who.split(' ') as [Affiliation, Role];
    return { affiliation, role };
  };
  for (const [actor, target, role, refusal] of table)
    assert.equal(
      roleChangeRefusal(standing(actor), standing(target), role, false),
      refusal,
      `${actor} makes a ${target} a ${role}`,
    );
  assert.equal(roleChangeRefusal(standing('none moderator'), standing('none moderator'), 'none', true), null);
});

test('XEP-0045 §5.2.2 Changing Affiliations: every actor, every change', () => {
  for (const actor of AFFILIATIONS)
    for (const held of AFFILIATIONS)
      for (const wanted of AFFILIATIONS) {
        const got = affiliationChangeRefusal(actor, held, wanted, false);
        let expected: Refusal | null = null;
        if (actor !== 'admin' && actor !== 'owner') expected = 'forbidden';
        else if (actor === 'admin') {
          if (wanted === 'admin' || wanted === 'owner') expected = 'forbidden';
          else if (held === 'admin' || held === 'owner') expected = 'not-allowed';
        }
        assert.equal(got, expected, `${actor}: ${held} → ${wanted}`);
      }
  assert.equal(affiliationChangeRefusal('owner', 'owner', 'outcast', true), 'conflict');
  assert.equal(affiliationChangeRefusal('admin', 'admin', 'outcast', true), 'conflict');
  assert.equal(affiliationChangeRefusal('admin', 'admin', 'none', true), null);
});

test('XEP-0045 §5.1.3 note: the role that follows from a new affiliation', () => {
  const open = { moderated: false, membersOnly: false };
  const moderated = { moderated: true, membersOnly: false };
  const membersOnly = { moderated: false, membersOnly: true };
  const table: [Role, Affiliation, Affiliation, typeof open, Role][] = [
    ['participant', 'none', 'admin', open, 'moderator'],
    ['visitor', 'none', 'member', moderated, 'participant'],
    ['moderator', 'none', 'member', moderated, 'moderator'],
    ['participant', 'member', 'none', moderated, 'participant'],
    ['moderator', 'admin', 'none', moderated, 'visitor'],
    ['moderator', 'admin', 'member', moderated, 'participant'],
    ['moderator', 'owner', 'admin', open, 'moderator'],
    ['moderator', 'owner', 'none', open, 'participant'],
    ['participant', 'member', 'none', membersOnly, 'none'],
    ['participant', 'none', 'outcast', open, 'none'],
  ];
  for (const [role, before, after, room, expected] of table)
    assert.equal(roleAfter(role, before, after, room), expected, `${role}: ${before} → ${after}`);
});
