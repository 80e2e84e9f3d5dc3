import type { Counter, Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { Delivery } from './delivery.js';
import type { AccountPace } from './pace.js';
import type { PendingTable } from './pending.js';
import type { PublicLog } from './public-log.js';
import type { RoomRegistry } from './rooms/registry.js';
import type { Room } from './rooms/room.js';
import type { RoomStore } from './rooms/store.js';
import type { Work } from './work.js';

/** What an operator decides; `settings.ts` reads it. Limits are what the service allows at most. */
export interface MucPolicy {
  readonly name: string;
  /** The server's main domain: whom to ask. */
  readonly coreDomain: string;
  /** The server's domains: whose accounts are local. */
  readonly localDomains: ReadonlySet<string>;
  readonly admins: ReadonlySet<string>;
  readonly creation: 'anyone' | 'local' | 'admins';
  /** 0: any number. */
  readonly roomsPerUser: number;
  /** Of the accounts of one other server together; 0: any number. */
  readonly roomsPerServer: number;
  readonly maxOccupants: number;
  readonly history: number;
  /** Characters of history, kept and shown. */
  readonly historyBytes: number;
  readonly nickLength: number;
  readonly subjectLength: number;
  readonly messageBytes: number;
  /** Messages and presence changes a second and at once, per session; 0: any number. */
  readonly rate: number;
  readonly burst: number;
  /** Whether a join without `<x/>` is one (§7.2.18), or is told that it is not in the room. */
  readonly groupchat1: boolean;
  /** Where logs of rooms with public logging are to be found; empty: no room can have it. */
  readonly logUrl: string;
  readonly pingsPerSecond: number;
  /** Seconds of silence after which an occupant is pinged; 0: never. */
  readonly pingIdleSeconds: number;
}

/** What operators see grow. */
export interface MucCounters {
  /** Groupchat messages accepted. */
  readonly messages: Counter;
  /** Copies of them that went out. */
  readonly deliveries: Counter;
  readonly joins: Counter;
  readonly ghosts: Counter;
  /** Stanzas answered with an error, by its condition. */
  readonly refusals: Counter;
}

/** What the use cases have at hand. */
export interface Muc {
  readonly policy: MucPolicy;
  readonly jid: Jid;
  readonly log: Logger;
  readonly rooms: RoomRegistry;
  readonly store: RoomStore;
  readonly delivery: Delivery;
  /** Occupants' requests that were passed on: each is answered, also when nobody else does. */
  readonly pending: PendingTable;
  /** What came from whom, so that it can go back: invitations and private messages. Nothing is owed for what is forgotten. */
  readonly remembered: PendingTable;
  /** The service's own questions, of which there are few at a time: nobody can crowd them out. */
  readonly own: PendingTable;
  /** What each account has had done lately. */
  readonly pace: AccountPace;
  readonly counters: MucCounters;
  /** Where rooms with public logging are written; null where something else does that. */
  readonly publicLog: PublicLog | null;
  /** Administrators of the service, by bare JID. */
  readonly admins: ReadonlySet<string>;
  /** Milliseconds since 1970, for what is stored or shown. */
  now(): number;
  /** Milliseconds of a clock that nobody sets, for how long something has lasted. */
  ticks(): number;
  /** An id that nobody can guess. */
  newId(): string;
  occupantId(room: Room, bare: string): string;
  /** Called after a departure: an empty room that is not persistent ends. */
  emptied(work: Work, room: Room): void;
  /** The server itself, not an addressee, sends back what an occupant has said: it has gone to nobody. */
  multicastRefused(bounced: Stanza): void;
  /** Ends a room: it is gone from now on. */
  end(work: Work, room: Room): void;
}
