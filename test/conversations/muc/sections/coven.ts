import type { Client, World } from '../../../tools/muc/world.js';

/** One use case, named after its section of XEP-0045. */
export interface Section {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** What the room adds to all that an occupant says or does (XEP-0421). */
export const ID = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='*'/>";

/** XEP-0359, on messages. */
export const SID = "<stanza-id xmlns='urn:xmpp:sid:0' id='*' by='*'/>";

export const MUC = 'http://jabber.org/protocol/muc';
export const USER = `${MUC}#user`;
export const ADMIN = `${MUC}#admin`;
export const OWNER = `${MUC}#owner`;
export const JOIN = `<x xmlns='${MUC}'/>`;

/** `<x/>` of muc#user. */
export function user(content: string, ...codes: number[]): string {
  return `<x xmlns='${USER}'>${content}${codes.map((code) => `<status code='${code}'/>`).join('')}</x>`;
}

export function error(type: string, condition: string, code: number, by: string, text = ''): string {
  const explanation =
    text === '' ? '' : `<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>${text}</text>`;
  return `<error type='${type}' code='${code}' by='${by}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>${explanation}</error>`;
}

/** An error answer to a muc#admin or muc#owner request, register or disco. */
export function iqError(client: Client, room: string, id: string, errorElement: string): string {
  return `<iq type='error' from='${room}' to='${client.jid}' id='${id}'>${errorElement}</iq>`;
}

export function iqResult(client: Client, room: string, id: string, payload = ''): string {
  return `<iq type='result' from='${room}' to='${client.jid}' id='${id}'>${payload}</iq>`;
}

export function admin(room: string, id: string, items: string, type = 'set'): string {
  return `<iq type='${type}' to='${room}' id='${id}'><query xmlns='${ADMIN}'>${items}</query></iq>`;
}

interface Coven<C extends Client> {
  readonly room: string;
  readonly first: C;
  readonly second: C;
  readonly third: C;
  end(): Promise<void>;
}

/** The witches' meeting (§4.3): an owner, an admin and somebody without affiliation, all in the room and up to date. */
export async function coven<C extends Client>(
  world: World<C>,
  name: string,
  fields: Record<string, string | readonly string[]> = {},
): Promise<Coven<C>> {
  const room = `${name}@${world.muc}`;
  const first = await world.login('crone1', 'desktop');
  const second = await world.login('wiccarocks', 'laptop');
  const third = await world.login('hag66', 'pda');
  await first.join(room, 'firstwitch');
  await first.configure(room, { 'muc#roomconfig_roomadmins': second.bare, ...fields });
  const password = fields['muc#roomconfig_roomsecret'];
  const inner = typeof password === 'string' ? `<password>${password}</password>` : '';
  await second.join(room, 'secondwitch', inner);
  if (fields['muc#roomconfig_membersonly'] === '1') {
    first.send(admin(room, 'let-in', `<item affiliation='member' jid='${third.bare}'/>`));
    await first.until((stanza) => stanza.id === 'let-in', 'membership');
    await third.until((stanza) => stanza.name === 'message', 'an invitation');
  }
  await third.join(room, 'thirdwitch', inner);
  for (const client of [first, second, third]) await client.skip(room);
  return {
    room,
    first,
    second,
    third,
    async end() {
      for (const client of [third, second, first]) await client.close();
    },
  };
}
