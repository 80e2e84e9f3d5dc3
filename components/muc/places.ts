import { refusal } from './refusal.js';
import { entrySize, type Room } from './rooms/room.js';

/** Affiliations of one room, and their characters: they are one document, kept in memory and written whole. */
const MOST = 20_000;
const MOST_CHARACTERS = 1_500_000;

/** Who is to have an affiliation, and what is to be noted of them (a reason is that of a ban). */
export interface Place {
  readonly bare: string;
  readonly nick?: string | undefined;
  readonly reason?: string | undefined;
}

/** Refuses to put more on a room's lists than they may hold. Whatever makes them shorter is taken. */
export function checkPlaces(room: Room, places: readonly Place[]): void {
  const wanted = new Map(places.map((place) => [place.bare, place]));
  let added = 0;
  let characters = 0;
  for (const { bare, nick, reason } of wanted.values()) {
    const held = room.affiliations.get(bare);
    if (held === undefined) added++;
    characters += entrySize(bare, { nick: nick ?? held?.nick, reason }) - entrySize(bare, held);
  }
  if (
    (added > 0 && room.affiliations.size + added > MOST) ||
    (characters > 0 && room.listSize + characters > MOST_CHARACTERS)
  )
    throw refusal(room, 'resource-constraint', { text: 'The lists of the room are full' });
}
