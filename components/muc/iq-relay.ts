import { clone, type Element } from '../../shared/xml/element.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import { detachedCopy } from '../../shared/xml/names.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Muc } from './context.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import type { Room, Session } from './rooms/room.js';
import { attribute, innerXml, wholeInside } from './wire.js';
import { Work } from './work.js';

const WAIT_MILLISECONDS = 120_000;
/** Requests of one session that wait for their answers: more would crowd out those of others. */
const UNANSWERED = 200;

/** Characters of a request's id, which is kept until the answer comes. */
const ID_LENGTH = 1_000;

/** A request passed on: whom its answer is for. */
interface Relayed {
  readonly room: string;
  readonly requester: string;
  /** The one that asked, which may have gone. */
  readonly session: Session;
  readonly id: string;
  readonly targetNick: string;
  /** The real address that was asked: only it may answer. */
  readonly target: string;
  readonly bare: string;
}

/** What an account's server answers, not a client: it goes to the bare JID (vCard, PEP). */
const OF_ACCOUNT: ReadonlySet<string> = new Set([NS.vcard, NS.pubsub, NS.vcard4]);

/**
 * XEP-0045 §17.4 rule 3: an occupant's request to another occupant. Goes on under an id of ours, so that neither side
 * learns anything of the other's session.
 */
export function relayRequest(
  muc: Muc,
  work: Work,
  room: Room,
  session: Session,
  nick: string,
  iq: Stanza,
): void {
  const target = room.occupants.get(nick);
  if (target === undefined) throw refusal(room, 'item-not-found', { type: 'cancel' });
  // XEP-0410 §3.3: a ping of oneself is answered by the room.
  if (target === session.occupant && iq.payload?.namespace === NS.ping) {
    work.send(
      `<iq type='result' from='${target.address}' to='${session.address}'${attribute('id', iq.id)}/>`,
    );
    return;
  }
  spend(muc, room, session);
  if (session.unanswered >= UNANSWERED)
    throw refusal(room, 'resource-constraint', { text: `No more than ${UNANSWERED} requests at once` });
  if ((iq.id?.length ?? 0) > ID_LENGTH)
    throw refusal(room, 'policy-violation', {
      text: `The id of a request may have ${ID_LENGTH} characters`,
    });
  const ofAccount = iq.payload !== null && OF_ACCOUNT.has(iq.payload.namespace);
  const to = ofAccount ? target.bare : target.primary.jid.full;
  const id = muc.newId();
  const relayed: Relayed = {
    room: room.local,
    requester: session.jid.full,
    session,
    id: detachedCopy(iq.id ?? ''),
    targetNick: target.nick,
    target: to,
    bare: target.bare,
  };
  session.unanswered++;
  muc.pending.add(`iq\n${id}`, relayed, muc.ticks() + WAIT_MILLISECONDS, () => {
    session.unanswered--;
    unanswered(muc, room, relayed);
  });
  work.send(
    `<iq type='${iq.type === 'set' ? 'set' : 'get'}' from='${session.occupant.address}' to='${escapeAttribute(to)}' id='${id}'${attribute('xml:lang', iq.lang)}>${wholeInside(iq)}</iq>`,
  );
}

/** RFC 6120 §8.2.3 rule 3: every request has an answer, also where the other occupant gives none. */
function unanswered(muc: Muc, room: Room, relayed: Relayed): void {
  const requester = room.sessions.get(relayed.requester);
  if (requester === undefined) return;
  const error = refusal(room, 'remote-server-timeout', { type: 'wait' }).toElement();
  const work = new Work(null);
  work.send(
    `<iq type='error' from='${room.addressOf(relayed.targetNick)}' to='${requester.address}'${attribute('id', relayed.id)}>${error.toString()}</iq>`,
  );
  muc.delivery.submit(work);
}

/** The answer to a relayed request, from the real address that was asked. False where it is none of ours. */
export function relayAnswer(muc: Muc, work: Work, room: Room, iq: Stanza): boolean {
  const key = `iq\n${iq.id ?? ''}`;
  const relayed = muc.pending.peek(key) as Relayed | undefined;
  const from = iq.fromJid;
  if (relayed === undefined || relayed.room !== room.local || from === null || from === undefined)
    return false;
  // An account's server may answer without saying for whom more than the bare JID.
  if (from.full !== relayed.target && from.bare !== relayed.target) return false;
  muc.pending.take(key);
  relayed.session.unanswered--;
  const requester = room.sessions.get(relayed.requester);
  if (requester === undefined) return true;
  const occupant = room.addressOf(relayed.targetNick);
  const inside = innerXml(
    iq,
    () => true,
    (element) => anonymous(element, relayed, `${room.jid.bare}/${relayed.targetNick}`),
  );
  const start = `<iq type='${iq.type === 'error' ? 'error' : 'result'}' from='${occupant}' to='${requester.address}'${attribute('id', relayed.id)}`;
  work.send(inside === '' ? `${start}/>` : `${start}>${inside}</iq>`);
  return true;
}

/** §17.4 rule 3: "nor reveal the recipient's real JID": the address gives way to the occupant's wherever it stands. */
function anonymous(element: Element, relayed: Relayed, occupant: string): Element {
  const source = element.toString();
  if (!source.includes(escapeAttribute(relayed.bare)) && !source.includes(relayed.bare)) return element;
  const copy = clone(element);
  const visit = (node: Element): void => {
    for (const [name, value] of Object.entries(node.attrs)) {
      if (value === relayed.bare || value.startsWith(`${relayed.bare}/`)) node.attrs[name] = occupant;
    }
    for (const [at, part] of node.children.entries()) {
      if (typeof part === 'string') {
        if (part.trim() === relayed.bare || part.trim().startsWith(`${relayed.bare}/`))
          node.children[at] = occupant;
      } else visit(part);
    }
  };
  visit(copy);
  return copy;
}
