// Rooms (XEP-0045): joining, who is there, what is said.
import { $iq, $pres, Strophe } from './strophe.mjs';
import { view } from './view.mjs';

const MUC = 'http://jabber.org/protocol/muc';
const MUC_USER = `${MUC}#user`;
const storageKey = 'rooms';

/** Rooms by address: our nickname and the nicknames that are there. */
const rooms = new Map();

/** The rooms to be joined again after the page was loaded anew. */
function remember() {
  sessionStorage.setItem(storageKey, JSON.stringify([...rooms].map(([room, { nick }]) => [room, nick])));
}

/** Whether this is a room that we have entered. */
export function isRoom(address) {
  return rooms.has(address);
}

/** Our nickname in a room; undefined where we are not. */
export function nickIn(address) {
  return rooms.get(address)?.nick;
}

/** Enters a room (XEP-0045 §7.2), and remembers it for when the page is loaded again. */
export function join(connection, room, nick) {
  rooms.set(room, { nick, occupants: new Set() });
  remember();
  connection.send($pres({ to: `${room}/${nick}` }).c('x', { xmlns: MUC }));
  view.open(room, { room: true });
}

/** Enters the rooms of before the page was loaded again. */
export function joinAgain(connection) {
  for (const [room, nick] of JSON.parse(sessionStorage.getItem(storageKey) ?? '[]'))
    join(connection, room, nick);
}

/** Forgets the rooms: whoever logs in next begins with none. */
export function forgetRooms() {
  rooms.clear();
  sessionStorage.removeItem(storageKey);
}

/** Presence from a room: who comes and goes, and why we could not join. */
export function roomPresence(connection, presence) {
  const from = presence.getAttribute('from') ?? '';
  const room = Strophe.getBareJidFromJid(from);
  const known = rooms.get(room);
  if (known === undefined) return;
  const nick = Strophe.getResourceFromJid(from) ?? '';
  const type = presence.getAttribute('type');
  if (type === 'error') {
    const condition = presence.querySelector('error > *')?.localName ?? 'error';
    view.message(room, { kind: 'note', text: `The room says: ${condition}` }, { room: true });
    return;
  }
  const codes = [...presence.getElementsByTagNameNS(MUC_USER, 'status')].map((one) =>
    one.getAttribute('code'),
  );
  const isOurs = codes.includes('110');
  // A new room is locked until its owner accepts how it is set up (XEP-0045 §10.1.2).
  if (codes.includes('201')) {
    const accept = $iq({ type: 'set', to: room }).c('query', { xmlns: `${MUC}#owner` });
    connection.sendIQ(accept.c('x', { xmlns: 'jabber:x:data', type: 'submit' }));
  }
  if (type === 'unavailable') known.occupants.delete(nick);
  else known.occupants.add(nick);
  if (isOurs && type !== 'unavailable') {
    known.nick = nick;
    remember();
    view.message(room, { kind: 'note', text: `You are here as ${nick}` }, { room: true });
  }
  view.occupants(room, [...known.occupants].sort());
}
