import { type FormDeclaration, formElement, type ParsedForm } from '../../shared/xmpp/forms.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Muc } from './context.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import { type Actor, changeRole, checkRoleChange } from './role-lists.js';
import type { Room, Session } from './rooms/room.js';
import { template } from './wire.js';
import type { Work } from './work.js';

/** XEP-0045 §8.6, §16.5.2. */
const APPROVAL: FormDeclaration = {
  formType: NS.mucRequest,
  title: 'Voice request',
  instructions:
    'To approve this request for voice, select the "Grant voice to this person?" checkbox and click OK. To skip this request, click the cancel button.',
  fields: [
    { var: 'muc#role', type: 'list-single', label: 'Requested role' },
    { var: 'muc#jid', type: 'jid-single', label: 'User ID' },
    { var: 'muc#roomnick', type: 'text-single', label: 'Room Nickname' },
    { var: 'muc#request_allow', type: 'boolean', label: 'Grant voice to this person?' },
  ],
};

/** XEP-0045 §7.13 Requesting Voice: the room's moderators are asked. */
export function requestVoice(muc: Muc, work: Work, room: Room, session: Session, form: ParsedForm): void {
  if (form.fields.get('muc#role')?.values[0] !== 'participant') throw refusal(room, 'bad-request');
  spend(muc, room, session);
  const { occupant } = session;
  // Who has voice needs none.
  if (occupant.role !== 'visitor') return;
  const approval = formElement(APPROVAL, {
    'muc#role': 'participant',
    'muc#jid': session.jid.full,
    'muc#roomnick': occupant.nick,
    'muc#request_allow': false,
  });
  const moderators = [...room.sessions.values()].filter((one) => one.occupant.role === 'moderator');
  work.broadcast(
    template({ name: 'message', from: room.address, id: muc.newId() }, approval.toString()),
    moderators,
  );
}

/** XEP-0045 §8.6 Approving Voice Requests: the form comes back from a moderator. */
export function decideVoice(work: Work, room: Room, actor: Actor, form: ParsedForm): void {
  if (actor.role !== 'moderator') throw refusal(room, 'forbidden');
  if (!['1', 'true'].includes(form.fields.get('muc#request_allow')?.values[0] ?? '')) return;
  const nick = form.fields.get('muc#roomnick')?.values[0] ?? '';
  const item = { kind: 'role', nick, role: 'participant', reason: undefined } as const;
  const target = checkRoleChange(room, actor, item);
  // The nick may be somebody else's by now: it is the JID that asked.
  const asked = form.fields.get('muc#jid')?.values[0];
  if (asked !== undefined && !target.sessions.some((session) => session.jid.full === asked))
    throw refusal(room, 'item-not-found');
  if (target.role === 'visitor') changeRole(work, room, target, 'participant');
}
