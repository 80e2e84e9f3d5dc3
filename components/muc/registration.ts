import type { Element } from '../../shared/xml/element.js';
import { xml } from '../../shared/xml/element.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import {
  type FieldDeclaration,
  type FormDeclaration,
  formElement,
  formOf,
  type ParsedForm,
  readSubmission,
} from '../../shared/xmpp/forms.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { prepareResource } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { applyAffiliationChange, checkAffiliationChanges } from './affiliation-lists.js';
import type { Muc } from './context.js';
import { acceptableNick } from './nicks.js';
import { checkPlaces } from './places.js';
import { refusal } from './refusal.js';
import type { Actor } from './role-lists.js';
import type { RoomRequest } from './room-request.js';
import { type Affiliation, atLeast } from './rooms/privileges.js';
import { nickKey, type Room } from './rooms/room.js';
import { template } from './wire.js';
import type { Work } from './work.js';

const MOST_PENDING = 200;
/** Characters of a request that waits for the admins. */
const REQUEST_LENGTH = 4_000;

/** XEP-0045 §16.5.1; only the nickname is asked for without fail. */
const FIELDS: readonly FieldDeclaration[] = [
  { var: 'muc#register_first', type: 'text-single', label: 'Given Name' },
  { var: 'muc#register_last', type: 'text-single', label: 'Family Name' },
  { var: 'muc#register_roomnick', type: 'text-single', label: 'Desired Nickname', required: true },
  { var: 'muc#register_url', type: 'text-single', label: 'Your URL' },
  { var: 'muc#register_email', type: 'text-single', label: 'Email Address' },
  { var: 'muc#register_faqentry', type: 'text-multi', label: 'FAQ Entry' },
];
const FORM: FormDeclaration = {
  formType: NS.mucRegister,
  title: 'Registration',
  instructions: 'Please provide the following information to register with this room.',
  fields: FIELDS.map((field) => ({
    ...field,
    check: (value) => (String(value).length > 1_000 ? 'is too long' : undefined),
  })),
};
const APPROVAL: FormDeclaration = {
  formType: NS.mucRegister,
  title: 'Registration request',
  instructions:
    'To approve this registration request, select the "Allow this person to register with the room?" checkbox and click OK. To skip this request, click the cancel button.',
  fields: [
    // Not in §9.9's example: without it an approval would not say whose.
    { var: 'muc#jid', type: 'jid-single', label: 'User ID', required: true },
    ...FIELDS.map((field) => ({ ...field, required: false })),
    {
      var: 'muc#register_allow',
      type: 'boolean',
      label: 'Allow this person to register with the room?',
      default: false,
    },
  ],
};

/** XEP-0045 §7.10: what is needed to register, or under which nick one is registered. */
export function registrationRequest(room: Room, from: Jid): Element {
  const entry = room.affiliations.get(from.bare);
  if (entry !== undefined && atLeast(entry.affiliation, 'member'))
    return xml('query', { xmlns: NS.register }, xml('registered'), xml('username', {}, entry.nick ?? ''));
  checkAllowed(room, from);
  return xml(
    'query',
    { xmlns: NS.register },
    xml('instructions', {}, 'Choose the nickname under which you will be known in this room.'),
    formElement(FORM),
  );
}

function checkAllowed(room: Room, from: Jid): void {
  if (room.affiliationOf(from.bare) === 'outcast' || room.config.registration === 'closed')
    throw refusal(room, 'not-allowed');
}

/** §7.10: registers, asks the admins, or removes. `success` sends the result. */
export function register({ muc, work, room, from, query, success }: RoomRequest): void {
  const held = room.affiliations.get(from.bare)?.affiliation ?? 'none';
  if (query.getChild('remove', NS.register) !== undefined) {
    // XEP-0077 §3.2. An owner or admin gives up more than a registration: not this way.
    if (held !== 'member') throw refusal(room, held === 'none' ? 'registration-required' : 'not-allowed');
    success();
    membership(muc, work, room, { bare: from.bare, affiliation: 'none', nick: undefined });
    return;
  }
  checkAllowed(room, from);
  const form = formOf(query);
  if (form === undefined) throw new StanzaError('bad-request');
  let values: ReturnType<typeof readSubmission>;
  try {
    values = readSubmission(form, FORM);
  } catch {
    // §7.10: "did not include a valid data form".
    throw new StanzaError('bad-request');
  }
  if (values === null) {
    success();
    return;
  }
  const nick = preparedNick(muc, room, String(values['muc#register_roomnick'] ?? ''));
  const present = room.occupantLike(nick);
  if (
    room.nickReservedByOther(nick, from.bare) ||
    (present !== undefined && present.bare !== from.bare) ||
    requested(room, nick, from.bare)
  )
    throw refusal(room, 'conflict');

  const automatic =
    room.config.registration === 'automatic' && !room.config.membersOnly && !room.config.moderated;
  success();
  if (automatic || atLeast(held, 'member')) {
    checkPlaces(room, [{ bare: from.bare, nick }]);
    membership(muc, work, room, { bare: from.bare, affiliation: held === 'none' ? 'member' : held, nick });
    return;
  }
  if (room.registrations.size >= MOST_PENDING) throw refusal(room, 'resource-constraint');
  const fields = Object.entries(values).map(([name, value]): [string, string[]] => [
    name,
    Array.isArray(value) ? [...value] : [String(value)],
  ]);
  if (JSON.stringify(fields).length > REQUEST_LENGTH)
    throw refusal(room, 'policy-violation', { text: `A request may have ${REQUEST_LENGTH} characters` });
  room.registrations.set(from.bare, { nick, fields });
  work.saveRoom(room);
  askAdmins(muc, work, room, from.bare);
}

function preparedNick(muc: Muc, room: Room, text: string): string {
  const nick = prepareResource(text.trim());
  if (nick === null) throw refusal(room, 'not-acceptable', { type: 'modify' });
  return acceptableNick(muc, room, nick);
}

function requested(room: Room, nick: string, bare: string): boolean {
  for (const [who, request] of room.registrations) {
    if (who !== bare && nickKey(request.nick) === nickKey(nick)) return true;
  }
  return false;
}

function membership(
  muc: Muc,
  work: Work,
  room: Room,
  change: { bare: string; affiliation: Affiliation; nick: string | undefined },
): void {
  const actor: Actor = { bare: change.bare, nick: undefined, affiliation: 'owner', role: 'none' };
  applyAffiliationChange(muc, work, room, actor, { kind: 'affiliation', reason: undefined, ...change });
}

/** §9.9 Approving Registration Requests: to admins and owners in the room, or else to their accounts. */
function askAdmins(muc: Muc, work: Work, room: Room, bare: string): void {
  const request = room.registrations.get(bare);
  if (request === undefined) return;
  const form = formElement(APPROVAL, { ...Object.fromEntries(request.fields), 'muc#jid': bare }).toString();
  const text = template({ name: 'message', from: room.address, id: muc.newId() }, form);
  const present = [...room.sessions.values()].filter((session) =>
    atLeast(room.affiliationOf(session.jid.bare), 'admin'),
  );
  if (present.length > 0) work.broadcast(text, present);
  else {
    const accounts = [...room.withAffiliation('owner'), ...room.withAffiliation('admin')];
    work.broadcastTo(
      text,
      accounts.map(([jid]) => escapeAttribute(jid)),
    );
  }
}

/** §9.9: an admin's decision. */
export function decideRegistration(muc: Muc, work: Work, room: Room, actor: Actor, form: ParsedForm): void {
  if (!atLeast(actor.affiliation, 'admin')) throw refusal(room, 'forbidden');
  const bare = form.fields.get('muc#jid')?.values[0] ?? '';
  const request = room.registrations.get(bare);
  if (request === undefined) throw refusal(room, 'item-not-found');
  const allowed = ['1', 'true'].includes(form.fields.get('muc#register_allow')?.values[0] ?? '');
  if (!allowed) {
    // What was denied holds neither its nick nor its place in the queue.
    room.registrations.delete(bare);
    work.saveRoom(room);
    return;
  }
  const asked = form.fields.get('muc#register_roomnick')?.values[0] ?? request.nick;
  const nick = preparedNick(muc, room, asked);
  const item = {
    kind: 'affiliation' as const,
    bare,
    affiliation: 'member' as const,
    nick,
    reason: undefined,
  };
  checkAffiliationChanges(muc, room, actor, [item]);
  applyAffiliationChange(muc, work, room, actor, item);
}
