import type { PortableRoom } from './rooms.js';

/** The head of a text dump with rooms only, as `ejabberdctl load` reads it. */
export const ROOMS_HEAD = '{tables,[{muc_room,[{record_name,muc_room},{attributes,[name_host,opts]}]}]}.\n';

/** A room as a term of such a dump. */
export function ejabberdRoom(room: PortableRoom): string {
  const { subject } = room;
  const option = (name: string, value: string): string => `{${name},${value}}`;
  const flag = (value: boolean): string => String(value);
  const affiliations = room.affiliations.map(
    ({ jid, affiliation, reason }) => `{${entity(jid)},{${affiliation},${binary(reason ?? '')}}}`,
  );
  const options = [
    option('title', binary(room.title)),
    option('description', binary(room.description)),
    option('lang', binary(room.language)),
    option('public', flag(room.public)),
    option('persistent', flag(room.persistent)),
    option('moderated', flag(room.moderated)),
    option('members_only', flag(room.membersOnly)),
    option('allow_change_subj', flag(room.changeSubject)),
    option('allow_user_invites', flag(room.memberInvites)),
    option('allow_private_messages', flag(room.privateMessages !== 'none')),
    option('password_protected', flag(room.password !== null)),
    option('password', binary(room.password ?? '')),
    option('anonymous', flag(room.whois === 'moderators')),
    option('presence_broadcast', `[${room.presenceBroadcast.join(',')}]`),
    ...(room.maxUsers === undefined ? [] : [option('max_users', String(room.maxUsers))]),
    option('affiliations', `[${affiliations.join(',')}]`),
    option('roles', `[${room.voice.map(([jid, role]) => `{${entity(jid)},${role}}`).join(',')}]`),
    ...(subject === null
      ? []
      : [
          option('subject', `[{text,<<>>,${binary(subject.text)}}]`),
          option('subject_author', binary(subject.nick)),
        ]),
  ];
  return `{muc_room,{${binary(room.name)},${binary(room.domain)}},[${options.join(',')}]}.\n`;
}

/** Its octets: whatever the encoding that the file is read in. */
function binary(text: string): string {
  return `<<${[...Buffer.from(text)].join(',')}>>`;
}

function entity(jid: string): string {
  const at = jid.indexOf('@');
  return `{${binary(jid.slice(0, Math.max(0, at)))},${binary(jid.slice(at + 1))},<<>>}`;
}
