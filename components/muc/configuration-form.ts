import type { FieldDeclaration, FieldValue, FormDeclaration, FormValues } from '../../shared/xmpp/forms.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { MucPolicy } from './context.js';
import type { RoomConfig } from './rooms/config.js';
import type { Room } from './rooms/room.js';

const NAME_LENGTH = 256;
const DESCRIPTION_LENGTH = 2_000;
const MAX_USERS = [10, 20, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** XEP-0045 §10.1.3 and §16.5.3, with two fields of our own: `registration` and `locknicks`. */
export function configurationForm(room: Room, policy: MucPolicy): FormDeclaration {
  const boolean = (name: string, label: string): FieldDeclaration => ({ var: name, type: 'boolean', label });
  const roles = [
    { value: 'moderator', label: 'Moderator' },
    { value: 'participant', label: 'Participant' },
    { value: 'visitor', label: 'Visitor' },
  ];
  return {
    formType: NS.mucRoomConfig,
    title: `Configuration for "${room.local}"`,
    instructions: room.locked
      ? 'The room has been created. Complete this form to open it to others.'
      : 'Complete this form to modify the configuration of your room.',
    fields: [
      text('muc#roomconfig_roomname', 'Natural-Language Room Name', NAME_LENGTH),
      text('muc#roomconfig_roomdesc', 'Short Description of Room', DESCRIPTION_LENGTH),
      text('muc#roomconfig_lang', 'Natural Language for Room Discussions', 64),
      ...(policy.logUrl === '' ? [] : [boolean('muc#roomconfig_enablelogging', 'Enable Public Logging?')]),
      boolean('muc#roomconfig_changesubject', 'Allow Occupants to Change Subject?'),
      boolean('muc#roomconfig_allowinvites', 'Allow Members to Invite Others?'),
      {
        var: 'muc#roomconfig_allowpm',
        type: 'list-single',
        label: 'Who Can Send Private Messages?',
        options: [
          { value: 'anyone', label: 'Anyone' },
          { value: 'participants', label: 'Anyone with Voice' },
          { value: 'moderators', label: 'Moderators Only' },
          { value: 'none', label: 'Nobody' },
        ],
      },
      {
        var: 'muc#roomconfig_maxusers',
        type: 'list-single',
        label: 'Maximum Number of Occupants',
        options: [
          // XEP-0004 §3.3: the value of a list is one of its options.
          ...[...new Set([...MAX_USERS, room.config.maxUsers])]
            .filter((number) => number > 0 && number <= policy.maxOccupants)
            .sort((one, other) => one - other)
            .map(String),
          { value: 'none', label: 'None' },
        ],
        open: true,
        check: (value) => maxUsersProblem(value, policy),
      },
      {
        var: 'muc#roomconfig_presencebroadcast',
        type: 'list-multi',
        label: 'Roles for which Presence is Broadcasted',
        options: roles,
      },
      {
        var: 'muc#roomconfig_getmemberlist',
        type: 'list-multi',
        label: 'Roles and Affiliations that May Retrieve Member List',
        options: [...roles, { value: 'member', label: 'Member' }],
      },
      boolean('muc#roomconfig_publicroom', 'Make Room Publicly Searchable?'),
      boolean('muc#roomconfig_persistentroom', 'Make Room Persistent?'),
      boolean('muc#roomconfig_moderatedroom', 'Make Room Moderated?'),
      boolean('muc#roomconfig_membersonly', 'Make Room Members Only?'),
      boolean('muc#roomconfig_passwordprotectedroom', 'Password Required for Entry?'),
      { var: 'muc#roomconfig_roomsecret', type: 'text-private', label: 'Password', check: longest(256) },
      {
        var: 'muc#roomconfig_whois',
        type: 'list-single',
        label: 'Who May Discover Real JIDs?',
        options: [
          { value: 'moderators', label: 'Moderators Only' },
          { value: 'anyone', label: 'Anyone' },
        ],
      },
      {
        var: 'muc#maxhistoryfetch',
        type: 'text-single',
        label: 'Maximum Number of History Messages Returned by Room',
        datatype: 'xs:integer',
        range: { min: 0, max: policy.history },
      },
      text('muc#roomconfig_pubsub', 'XMPP URI of Associated Publish-Subscribe Node', 1_000),
      {
        var: 'muc#roomconfig_registration',
        type: 'list-single',
        label: 'Who May Register with the Room?',
        options: [
          { value: 'automatic', label: 'Anyone who has voice on entry; others with approval' },
          { value: 'approval', label: 'Anyone, with approval' },
          { value: 'closed', label: 'Nobody' },
        ],
      },
      boolean('muc#roomconfig_locknicks', 'Hold Members to Their Registered Nickname?'),
      { var: 'muc#roomconfig_roomadmins', type: 'jid-multi', label: 'Room Admins' },
      { var: 'muc#roomconfig_roomowners', type: 'jid-multi', label: 'Room Owners' },
    ],
  };
}

function text(name: string, label: string, length: number): FieldDeclaration {
  return { var: name, type: 'text-single', label, check: longest(length) };
}

function longest(length: number): (value: FieldValue) => string | undefined {
  return (value) =>
    typeof value === 'string' && value.length > length ? `has more than ${length} characters` : undefined;
}

function maxUsersProblem(value: FieldValue, policy: MucPolicy): string | undefined {
  if (value === 'none') return undefined;
  if (!/^\d{1,9}$/.test(String(value)) || Number(value) < 1) return 'is neither a number nor "none"';
  return Number(value) > policy.maxOccupants ? `is more than ${policy.maxOccupants}` : undefined;
}

/** The present configuration as the form's values. */
export function configurationValues(room: Room): FormValues {
  const { config } = room;
  return {
    'muc#roomconfig_roomname': config.name,
    'muc#roomconfig_roomdesc': config.description,
    'muc#roomconfig_lang': config.language,
    'muc#roomconfig_enablelogging': config.logging,
    'muc#roomconfig_changesubject': config.changeSubject,
    'muc#roomconfig_allowinvites': config.memberInvites,
    'muc#roomconfig_allowpm': config.privateMessages,
    'muc#roomconfig_maxusers': config.maxUsers === 0 ? 'none' : String(config.maxUsers),
    'muc#roomconfig_presencebroadcast': config.presenceBroadcast,
    'muc#roomconfig_getmemberlist': config.memberList,
    'muc#roomconfig_publicroom': config.public,
    'muc#roomconfig_persistentroom': config.persistent,
    'muc#roomconfig_moderatedroom': config.moderated,
    'muc#roomconfig_membersonly': config.membersOnly,
    'muc#roomconfig_passwordprotectedroom': config.password !== null,
    'muc#roomconfig_roomsecret': config.password ?? '',
    'muc#roomconfig_whois': config.whois,
    'muc#maxhistoryfetch': String(config.historyFetch),
    'muc#roomconfig_pubsub': config.pubsub,
    'muc#roomconfig_registration': config.registration,
    'muc#roomconfig_locknicks': config.lockNicks,
    'muc#roomconfig_roomadmins': room.withAffiliation('admin').map(([jid]) => jid),
    'muc#roomconfig_roomowners': room.owners,
  };
}

/** The configuration after a submission: fields that are not in it keep their value (XEP-0004 §3.5). */
export function submittedConfig(
  config: RoomConfig,
  values: Readonly<Record<string, FieldValue>>,
): RoomConfig {
  const changed: RoomConfig = { ...config };
  const set = <K extends keyof RoomConfig>(
    key: K,
    field: string,
    read: (value: FieldValue) => RoomConfig[K],
  ): void => {
    const value = values[field];
    if (value !== undefined) changed[key] = read(value);
  };
  const string = (value: FieldValue): string => (typeof value === 'string' ? value : '');
  const boolean = (value: FieldValue): boolean => value === true;
  const strings = (value: FieldValue): string[] => (Array.isArray(value) ? [...value] : []);
  set('name', 'muc#roomconfig_roomname', string);
  set('description', 'muc#roomconfig_roomdesc', string);
  set('language', 'muc#roomconfig_lang', string);
  set('logging', 'muc#roomconfig_enablelogging', boolean);
  set('changeSubject', 'muc#roomconfig_changesubject', boolean);
  set('memberInvites', 'muc#roomconfig_allowinvites', boolean);
  set(
    'privateMessages',
    'muc#roomconfig_allowpm',
    (value) => (value as RoomConfig['privateMessages']) || 'anyone',
  );
  set('maxUsers', 'muc#roomconfig_maxusers', (value) =>
    value === 'none' || value === '' ? 0 : Number(value),
  );
  set(
    'presenceBroadcast',
    'muc#roomconfig_presencebroadcast',
    (value) => strings(value) as RoomConfig['presenceBroadcast'],
  );
  set('memberList', 'muc#roomconfig_getmemberlist', (value) => strings(value) as RoomConfig['memberList']);
  set('public', 'muc#roomconfig_publicroom', boolean);
  set('persistent', 'muc#roomconfig_persistentroom', boolean);
  set('moderated', 'muc#roomconfig_moderatedroom', boolean);
  set('membersOnly', 'muc#roomconfig_membersonly', boolean);
  set('whois', 'muc#roomconfig_whois', (value) => (value as RoomConfig['whois']) || 'moderators');
  set('historyFetch', 'muc#maxhistoryfetch', (value) => (value === '' ? config.historyFetch : Number(value)));
  set('pubsub', 'muc#roomconfig_pubsub', string);
  set(
    'registration',
    'muc#roomconfig_registration',
    (value) => (value as RoomConfig['registration']) || 'automatic',
  );
  set('lockNicks', 'muc#roomconfig_locknicks', boolean);
  changed.password = submittedPassword(config.password, values);
  return changed;
}

/** §10.1.3: a protected room without password is not acceptable. */
function submittedPassword(
  password: string | null,
  values: Readonly<Record<string, FieldValue>>,
): string | null {
  const secret = values['muc#roomconfig_roomsecret'];
  const wanted = values['muc#roomconfig_passwordprotectedroom'] ?? password !== null;
  if (wanted !== true) return null;
  const given = typeof secret === 'string' ? secret : password;
  if (given === null || given === '')
    throw new StanzaError('not-acceptable', { text: 'A password-protected room needs a password' });
  return given;
}
