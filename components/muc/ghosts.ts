import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { type DefinedCondition, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc } from './context.js';
import { removeSession } from './removal.js';
import type { Room, Session } from './rooms/room.js';
import { Work } from './work.js';

/** §18.1.2: who is answered for in this way is not there any more. */
const GONE: ReadonlySet<DefinedCondition> = new Set<DefinedCondition>([
  'gone',
  'item-not-found',
  'recipient-unavailable',
  'redirect',
  'remote-server-not-found',
  'remote-server-timeout',
]);

const WAIT_MILLISECONDS = 60_000;

interface Probe {
  readonly room: Room;
  readonly session: Session;
  /** Undefined while the first ping is out; then the id of the message that goes with the second. */
  message: string | undefined;
  bounced: boolean;
}

/**
 * An occupant's own refusal of the room's presence: who takes none of it cannot be in the room, and so other services
 * see it too. Not for a passing reason, and not where `service-unavailable` may be a server's word for either.
 */
function refusesRoom(bounced: Stanza): boolean {
  const { condition, type } = StanzaError.fromStanza(bounced);
  return bounced.name === 'presence' && condition !== 'service-unavailable' && type !== 'wait';
}

/**
 * Occupants whose resource has gone without a word (XEP-0045 §18.1.2): only that resource, never the account.
 *
 * A server answers an IQ to a resource that is not there with `service-unavailable`, and so does a client that does not
 * know ping (RFC 6121 §8.5.3.2.3; RFC 6120 §8.4). So a ping that is answered thus is followed by a second probe of
 * another kind: an empty message of type groupchat and a ping behind it. A server returns such a message with an error
 * if the resource is not there (RFC 6121 §8.5.3.2.1); a client never answers it. Both go the same way, in order: when the
 * second ping's answer comes, the message has come back or it has arrived. No answer at all is no sign of
 * absence: a client whose stream is being resumed (XEP-0198) answers later.
 */
export class Ghosts {
  readonly #muc: Muc;
  /** Each once: a room may be looked at again before all have had their turn. */
  readonly #waiting = new Map<Session, { readonly room: Room; readonly since: number }>();
  #timer: NodeJS.Timeout | null = null;
  #connected = false;

  constructor(muc: Muc) {
    this.#muc = muc;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  linkUp(): void {
    this.#connected = true;
    this.#pump();
  }

  linkLost(): void {
    this.#connected = false;
    this.stop();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Pings the session in its turn, unless it has been heard of since `since`. */
  check(room: Room, session: Session, since: number): void {
    if (session.probing) return;
    this.#waiting.set(session, { room, since });
    this.#pump();
  }

  /** Paced, so that a thousand occupants are not pinged at once. */
  #pump(): void {
    if (this.#timer !== null || !this.#connected) return;
    for (const [session, { room, since }] of this.#waiting) {
      this.#waiting.delete(session);
      if (session.probing || session.lastSeen >= since || room.sessions.get(session.jid.full) !== session)
        continue;
      this.#probe({ room, session, message: undefined, bounced: false });
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#pump();
      }, 1000 / this.#muc.policy.pingsPerSecond);
      return;
    }
  }

  /** A message or presence of the room came back from one of its occupants. */
  returned(work: Work, room: Room, bounced: Stanza): void {
    const session = room.sessions.get(bounced.fromJid?.full ?? '');
    const { condition } = StanzaError.fromStanza(bounced);
    const probe = this.#muc.own.take(`probe-message\n${bounced.id ?? ''}`) as Probe | undefined;
    if (probe !== undefined && probe.session === session) {
      if (condition === 'service-unavailable' || GONE.has(condition)) probe.bounced = true;
      return;
    }
    if (session === undefined) return;
    if (GONE.has(condition) || refusesRoom(bounced)) this.#remove(work, room, session);
    // A server says the same for a resource that is gone and for one that does not want to hear of us.
    else if (condition === 'service-unavailable' && !session.probing)
      this.#probe({ room, session, message: undefined, bounced: false });
  }

  /** An answer to one of our pings. False where it is none. */
  answered(iq: Stanza): boolean {
    const key = `probe\n${iq.id ?? ''}`;
    const probe = this.#muc.own.peek(key) as Probe | undefined;
    if (probe === undefined || iq.fromJid?.full !== probe.session.jid.full) return false;
    this.#muc.own.take(key);
    const { room, session } = probe;
    session.probing = false;
    if (room.sessions.get(session.jid.full) !== session) return true;
    const condition = iq.type === 'error' ? StanzaError.fromStanza(iq).condition : null;
    const gone =
      condition !== null && (GONE.has(condition) || (condition === 'service-unavailable' && probe.bounced));
    if (gone) {
      const work = new Work(null);
      this.#remove(work, room, session);
      this.#muc.delivery.submit(work);
    } else if (condition === 'service-unavailable' && probe.message === undefined)
      this.#probe({ ...probe, message: this.#muc.newId() });
    else session.lastSeen = this.#muc.ticks();
    return true;
  }

  #probe(probe: Probe): void {
    const { own, delivery } = this.#muc;
    const { room, session, message } = probe;
    const until = this.#muc.ticks() + WAIT_MILLISECONDS;
    const id = this.#muc.newId();
    session.probing = true;
    const work = new Work(null);
    if (message !== undefined) {
      own.add(`probe-message\n${message}`, probe, until);
      work.send(`<message type='groupchat' from='${room.address}' to='${session.address}' id='${message}'/>`);
    }
    own.add(`probe\n${id}`, probe, until, () => {
      session.probing = false;
    });
    work.send(
      `<iq type='get' from='${room.address}' to='${session.address}' id='${escapeAttribute(id)}'><ping xmlns='${NS.ping}'/></iq>`,
    );
    delivery.submit(work);
  }

  /** §11.1: 333 to all, and no 307. */
  #remove(work: Work, room: Room, session: Session): void {
    this.#muc.counters.ghosts.inc();
    this.#muc.log.debug({ code: 'muc.ghost-removed', room: room.local }, 'an occupant had gone');
    removeSession(this.#muc, work, room, session, { statuses: [333] });
  }
}
