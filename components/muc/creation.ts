import { stanzaErrorOf } from '../../shared/entity/failure.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc } from './context.js';
import type { Creators } from './creators.js';
import { type Entrance, enter } from './entering.js';
import { defaultConfig } from './rooms/config.js';
import { Room } from './rooms/room.js';
import { Work } from './work.js';

/**
 * XEP-0045 §10.1 Creating a Room. The counts of the creator's rooms may have to be read first: the room's other stanzas
 * wait for that, and `done` is called with the work or the refusal.
 */
export function create(
  muc: Muc,
  creators: Creators,
  address: Jid,
  entrance: Omit<Entrance, 'created'>,
  done: (work: Work | StanzaError) => void,
): void {
  const { bare } = entrance.jid;
  const by = address.bare;
  if (!mayCreate(muc, entrance.jid)) {
    done(new StanzaError('not-allowed', { by, text: 'Room creation is restricted' }));
    return;
  }
  const limits = muc.admins.has(bare) ? [] : creators.limits(entrance.jid);
  const proceed = (): void | Promise<void> => {
    for (const limit of limits) {
      const rooms = creators.count(limit.of);
      // Others of the same account may have been counted while this one's count was read.
      if (typeof rooms !== 'number') return rooms.then(proceed);
      if (rooms >= limit.rooms) {
        const text = `At most ${limit.rooms} rooms per ${limit.per}`;
        done(new StanzaError('resource-constraint', { by, text }));
        return;
      }
    }
    done(build(muc, creators, address, entrance));
  };
  const ready = proceed()?.catch((error: unknown) => {
    muc.log.error({ code: 'muc.storage-failed', error: String(error) }, 'rooms of a user not counted');
    done(stanzaErrorOf(error));
  });
  if (ready !== undefined) muc.rooms.hold(address.local, ready);
}

function mayCreate(muc: Muc, creator: Jid): boolean {
  if (muc.admins.has(creator.bare)) return true;
  const { creation, localDomains } = muc.policy;
  return creation === 'anyone' || (creation === 'local' && localDomains.has(creator.domain));
}

function build(
  muc: Muc,
  creators: Creators,
  address: Jid,
  entrance: Omit<Entrance, 'created'>,
): Work | StanzaError {
  const work = new Work(entrance.stanza);
  const room = new Room(address.toBare(), defaultConfig(muc.policy.history), muc.admins);
  room.creator = entrance.jid.bare;
  room.createdAt = muc.now();
  room.lastUsed = muc.ticks();
  // §10.1.1 step 2; groupchat 1.0 knows no configuration: its rooms are open at once.
  room.locked = entrance.join !== undefined;
  room.setAffiliation(entrance.jid.bare, 'owner');
  try {
    enter(muc, work, room, { ...entrance, created: true });
  } catch (error) {
    if (error instanceof StanzaError) return error;
    throw error;
  }
  work.saveRoom(room);
  muc.rooms.add(room);
  creators.add(room.creator, room.local);
  return work;
}
