import { refusal } from './context.js';
import type { Room } from './rooms/room.js';

/** Affiliations of one room: they are one document, kept in memory and written whole. */
const MOST = 20_000;

/** Refuses to put more on a room's lists than they may hold. `bares`: who is to have an affiliation. */
export function checkPlaces(room: Room, bares: Iterable<string>): void {
  const added = [...new Set(bares)].filter((bare) => !room.affiliations.has(bare)).length;
  if (added > 0 && room.affiliations.size + added > MOST)
    throw refusal(room, 'resource-constraint', { text: 'The lists of the room are full' });
}
