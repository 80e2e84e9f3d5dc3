import type { Storage } from '../storage/storage.js';

/** A room as it can be moved from one server to another (XEP-0227 has none). */
export interface PortableRoom {
  readonly name: string;
  readonly domain: string;
  readonly title: string;
  readonly description: string;
  readonly language: string;
  readonly public: boolean;
  readonly persistent: boolean;
  readonly moderated: boolean;
  readonly membersOnly: boolean;
  readonly changeSubject: boolean;
  readonly memberInvites: boolean;
  readonly password: string | null;
  readonly whois: 'moderators' | 'anyone';
  readonly privateMessages: 'anyone' | 'participants' | 'moderators' | 'none';
  readonly presenceBroadcast: readonly ('moderator' | 'participant' | 'visitor')[];
  /** Undefined: as the service has it. */
  readonly maxUsers?: number;
  readonly history?: number;
  readonly affiliations: readonly PortableAffiliation[];
  readonly subject: PortableSubject | null;
  /** Voice that was given or taken in a moderated room, by bare JID. */
  readonly voice: readonly (readonly [string, 'visitor' | 'participant'])[];
}

export interface PortableAffiliation {
  readonly jid: string;
  readonly affiliation: 'owner' | 'admin' | 'member' | 'outcast';
  /** The nickname that is registered for it. */
  readonly nick?: string;
  readonly reason?: string;
}

interface PortableSubject {
  readonly text: string;
  readonly nick: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The rooms of a store, stopped. */
export interface PortableRooms {
  /** Where its rooms are. */
  readonly domain: string;
  list(): AsyncIterable<PortableRoom>;
  /** False where there is a room of that name already: it is left as it is. */
  create(room: PortableRoom): Promise<boolean>;
}

/** What the muc process's `portable.js` exports besides. */
export interface PortableRoomsModule {
  openPortableRooms(storage: Storage, environment: NodeJS.ProcessEnv): PortableRooms;
}

/** A stranger's list of words as our types have them. */
export function oneOf<T extends string>(known: readonly T[], word: string | undefined): T | undefined {
  return known.find((candidate) => candidate === word);
}
export const AFFILIATIONS = ['owner', 'admin', 'member', 'outcast'] as const;
export const ROLES = ['moderator', 'participant', 'visitor'] as const;
