import { children, type Element } from '../../shared/xml/element.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { tellOfChange } from './affiliation-change-notice.js';
import type { Muc } from './context.js';
import { checkSize } from './messages.js';
import { checkPlaces } from './places.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import { atLeast } from './rooms/privileges.js';
import type { Room, Session } from './rooms/room.js';
import { attribute, template, textElement } from './wire.js';
import type { Work } from './work.js';

const REMEMBERED_MILLISECONDS = 86_400_000;
const MOST = 50;
const INVITATION_BYTES = 65_536;
/** Of an id or a thread that each of the invitations repeats. */
const REPEATED_LENGTH = 1_000;
const REASON_LENGTH = 1_000;

export interface Invitation {
  readonly id?: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly reason?: string | undefined;
  /** §7.9: goes on from a one-to-one chat. */
  readonly thread?: string | null;
}

/** XEP-0045 §7.8.2 Mediated Invitation: an occupant asks, the room sends, one message per invitee. */
export function invite(
  muc: Muc,
  work: Work,
  room: Room,
  session: Session,
  stanza: Stanza,
  user: Element,
): void {
  // It goes out once for each invitee, with its id.
  checkSize(muc, room, stanza, INVITATION_BYTES);
  spend(muc, room, session);
  const invites = children(user, 'invite');
  if (invites.length > MOST)
    throw refusal(room, 'policy-violation', { text: `At most ${MOST} invitations at once` });
  const repeated = [stanza.id, ...invites.map((one) => one.getChild('continue')?.attrs['thread'])];
  if (repeated.some((text) => (text?.length ?? 0) > REPEATED_LENGTH))
    throw refusal(room, 'policy-violation', {
      text: `The id or thread of an invitation may have ${REPEATED_LENGTH} characters`,
    });
  const { occupant } = session;
  const affiliation = room.affiliationOf(occupant.bare);
  // §9.5: into a members-only room by those who edit its list, or by members where the owner allows that.
  if (
    room.config.membersOnly &&
    !atLeast(affiliation, 'admin') &&
    !(room.config.memberInvites && affiliation === 'member')
  )
    throw refusal(room, 'forbidden');
  const invitees = invites.map((one) => {
    const jid = parseJid(one.attrs['to'] ?? '');
    if (jid === null) throw refusal(room, 'jid-malformed');
    return { jid, one };
  });
  // Before the first of them is a member or has been invited: all or none.
  if (invitees.some(({ jid }) => room.affiliationOf(jid.bare) === 'outcast'))
    throw refusal(room, 'forbidden', { text: 'That user is banned' });
  if (room.config.membersOnly)
    checkPlaces(
      room,
      invitees.map(({ jid }) => ({ bare: jid.bare })),
    );
  for (const { jid, one } of invitees) {
    // §9.5: an invitation into a members-only room makes a member; into an open room it MUST NOT.
    if (room.config.membersOnly && room.affiliationOf(jid.bare) === 'none') {
      room.setAffiliation(jid.bare, 'member');
      work.saveRoom(room);
      tellOfChange(muc, work, room, jid.bare, 'member');
    }
    const continued = one.getChild('continue');
    sendInvitation(muc, work, room, {
      id: stanza.id,
      from: occupant.bare,
      to: jid.full,
      reason: one.getChildText('reason')?.slice(0, REASON_LENGTH) ?? undefined,
      ...(continued === undefined ? {} : { thread: continued.attrs['thread'] ?? null }),
    });
  }
}

/** Also what a new member of a members-only room gets (§9.5). The password goes along. */
export function sendInvitation(muc: Muc, work: Work, room: Room, invitation: Invitation): void {
  const { from, to, reason, thread } = invitation;
  const id = invitation.id ?? muc.newId();
  const continued = thread === undefined ? '' : `<continue${attribute('thread', thread ?? undefined)}/>`;
  const inner = textElement('reason', reason) + continued;
  const start = `<invite${attribute('from', from)}`;
  const text = template(
    { name: 'message', from: room.address, id },
    `<x xmlns='${NS.mucUser}'>${inner === '' ? `${start}/>` : `${start}>${inner}</invite>`}${textElement('password', room.config.password ?? undefined)}</x>`,
  );
  work.broadcastTo(text, [escapeAttribute(to)]);
  const until = muc.ticks() + REMEMBERED_MILLISECONDS;
  const invitee = parseJid(to)?.bare ?? to;
  muc.remembered.add(invitationKey(room, invitee, from), true, until);
  muc.remembered.add(bounceKey(room, id, invitee), from, until);
}

/** §7.8.2: the invitee declines. Only what was invited, or concerns an occupant, is passed on. */
export function decline(muc: Muc, work: Work, room: Room, stanza: Stanza, element: Element): void {
  const inviter = parseJid(element.attrs['to'] ?? '');
  const invitee = stanza.fromJid;
  if (inviter === null) throw refusal(room, 'jid-malformed');
  if (invitee === null || invitee === undefined) return;
  const known = muc.remembered.take(invitationKey(room, invitee.bare, inviter.bare)) !== undefined;
  const text = template(
    { name: 'message', from: room.address, id: stanza.id },
    `<x xmlns='${NS.mucUser}'><decline from='${escapeAttribute(invitee.bare)}'>${textElement('reason', element.getChildText('reason')?.slice(0, REASON_LENGTH) ?? undefined)}</decline></x>`,
  );
  const present = [...room.sessions.values()].filter(
    (session) => session.jid.bare === inviter.bare && (inviter.isBare || session.jid.full === inviter.full),
  );
  if (present.length > 0) work.broadcast(text, present);
  else if (known) work.broadcastTo(text, [escapeAttribute(inviter.bare)]);
  else throw refusal(room, 'item-not-found');
}

/** §7.8.2: an invitation came back; the inviter learns that there is no such JID. */
export function invitationBounced(muc: Muc, work: Work, room: Room, bounced: Stanza): boolean {
  const { id, fromJid } = bounced;
  if (id === undefined || fromJid === null || fromJid === undefined) return false;
  const inviter = muc.remembered.take(bounceKey(room, id, fromJid.bare));
  if (typeof inviter !== 'string') return false;
  const text = template(
    { name: 'message', from: room.address, type: 'error', id },
    `<x xmlns='${NS.mucUser}'><invite to='${escapeAttribute(fromJid.bare)}'/></x>${new StanzaError('item-not-found', { by: room.address }).toElement()}`,
  );
  work.broadcast(
    text,
    [...room.sessions.values()].filter((session) => session.jid.bare === inviter),
  );
  return true;
}

function invitationKey(room: Room, invitee: string, inviter: string): string {
  return `invited\n${room.local}\n${invitee}\n${inviter}`;
}

function bounceKey(room: Room, id: string, invitee: string): string {
  return `invitation\n${room.local}\n${invitee}\n${id}`;
}
