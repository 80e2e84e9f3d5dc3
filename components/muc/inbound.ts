import { stanzaErrorOf } from '../../shared/entity/failure.js';
import { type Element, xml } from '../../shared/xml/element.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { parseForm } from '../../shared/xmpp/forms.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc } from './context.js';
import { create } from './creation.js';
import type { Creators } from './creators.js';
import { uniqueName } from './discovery.js';
import { type Entrance, enter, synchronise } from './entering.js';
import type { Ghosts } from './ghosts.js';
import { decline, invitationBounced, invite } from './invitations.js';
import { relayAnswer, relayRequest } from './iq-relay.js';
import { leave } from './leaving.js';
import { checkSize, sendToAll } from './messages.js';
import { changeAvailability, changeNick } from './nick-change.js';
import { mayBeCostly } from './pace.js';
import { presenceTemplate } from './presence.js';
import { returnBounce, sendPrivately } from './private-messages.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import { decideRegistration } from './registration.js';
import { VoiceNotRevoked } from './role-lists.js';
import { actorOf, roomIq, sendResult } from './room-iq.js';
import type { Room, Session } from './rooms/room.js';
import { decideVoice, requestVoice } from './voice-requests.js';
import { itemElement, template, userElement } from './wire.js';
import { Work } from './work.js';

/** Presence is kept for each occupant, and all of it told to each who enters. */
const PRESENCE_BYTES = 16_384;

/** Of stanzas that wait for their rooms to be loaded, and what each takes beside its text. */
const WAITING_CHARACTERS = 64_000_000;
const STANZA_CHARACTERS = 1_000;
/** To an account that has had more done than one may. */
const WAIT = 'You have asked for very much: wait a moment';

/** Every stanza that comes, sent to its use case; each leaves one piece of work, or an error for its sender. */
export class Inbound {
  readonly #muc: Muc;
  readonly #creators: Creators;
  readonly #ghosts: Ghosts;

  constructor(muc: Muc, creators: Creators, ghosts: Ghosts) {
    this.#muc = muc;
    this.#creators = creators;
    this.#ghosts = ghosts;
  }

  message(stanza: Stanza): void {
    const { fromJid: from, toJid: to } = stanza;
    if (!from || !to) return;
    if (to.local === '') {
      if (stanza.type !== 'error' && stanza.type !== 'headline')
        this.refuse(stanza, new StanzaError('service-unavailable'));
      return;
    }
    this.#inRoom(stanza, to, (work, room) => {
      if (stanza.type === 'error') {
        if (from.full === this.#muc.policy.coreDomain && to.resource !== '')
          this.#muc.multicastRefused(stanza);
        else if (room !== null) this.#messageReturned(work, room, stanza);
        return;
      }
      // §17.2 rule 3.
      const session = room?.sessions.get(from.full);
      if (room === null || (room.locked && session === undefined))
        throw new StanzaError('item-not-found', { by: to.bare });
      if (session !== undefined) session.lastSeen = this.#muc.ticks();
      this.#roomMessage(work, room, session, from, to, stanza);
    });
  }

  #roomMessage(
    work: Work,
    room: Room,
    session: Session | undefined,
    from: Jid,
    to: Jid,
    stanza: Stanza,
  ): void {
    const muc = this.#muc;
    if (to.resource !== '' || stanza.type === 'groupchat') {
      // §7.4, §7.5: not from outside.
      if (session === undefined) throw refusal(room, 'not-acceptable');
      if (to.resource === '') sendToAll(muc, work, room, session, stanza);
      else sendPrivately(muc, work, room, session, to.resource, stanza);
      return;
    }
    if (stanza.type !== undefined && stanza.type !== 'normal') throw refusal(room, 'bad-request');
    const user = stanza.element.getChild('x', NS.mucUser);
    const declined = user?.getChild('decline');
    if (declined !== undefined) {
      decline(muc, work, room, stanza, declined);
      return;
    }
    const form = stanza.element.getChild('x', NS.dataForms);
    if (user?.getChild('invite') !== undefined) {
      if (session === undefined) throw refusal(room, 'not-acceptable');
      invite(muc, work, room, session, stanza, user);
    } else if (form !== undefined) this.#form(work, room, session, from, form);
    else throw refusal(room, 'bad-request');
  }

  /** §7.13, §8.6, §9.9: forms that come by message. */
  #form(work: Work, room: Room, session: Session | undefined, from: Jid, element: Element): void {
    const form = parseForm(element);
    if (form.type === 'cancel') return;
    if (form.type !== 'submit') throw refusal(room, 'bad-request');
    if (form.formType === NS.mucRegister)
      decideRegistration(this.#muc, work, room, actorOf(room, from), form);
    else if (form.formType !== NS.mucRequest) throw refusal(room, 'bad-request');
    else if (session === undefined) throw refusal(room, 'not-acceptable');
    else if (form.fields.has('muc#request_allow')) decideVoice(work, room, actorOf(room, from), form);
    else requestVoice(this.#muc, work, room, session, form);
  }

  #messageReturned(work: Work, room: Room, stanza: Stanza): void {
    if (invitationBounced(this.#muc, work, room, stanza)) return;
    returnBounce(this.#muc, work, room, stanza);
    this.#ghosts.returned(work, room, stanza);
  }

  presence(stanza: Stanza): void {
    const { fromJid: from, toJid: to, type } = stanza;
    if (!from || !to || to.local === '') return;
    this.#inRoom(stanza, to, (work, room) => {
      const session = room?.sessions.get(from.full);
      if (type === 'error') {
        if (room !== null) this.#ghosts.returned(work, room, stanza);
        return;
      }
      if (session !== undefined) session.lastSeen = this.#muc.ticks();
      if (type === undefined) this.#available(work, room, session, from, to, stanza);
      // §17.3 rule 5: from somebody who is not in the room, silently ignored.
      else if (room !== null && session !== undefined) this.#present(work, room, session, to, stanza);
    });
  }

  #present(work: Work, room: Room, session: Session, to: Jid, stanza: Stanza): void {
    if (stanza.type === 'unavailable') leave(this.#muc, work, room, session, stanza);
    else if (stanza.type === 'probe') {
      // §17.3 rule 4.
      const asked = room.occupants.get(to.resource);
      if (asked === undefined || (asked !== session.occupant && !room.broadcasts(asked.role))) return;
      const own = asked === session.occupant ? [110] : null;
      work.sendTo(presenceTemplate(room, asked, {}, room.showsJids(session.occupant.role), own), session);
    }
  }

  #available(
    work: Work,
    room: Room | null,
    session: Session | undefined,
    from: Jid,
    to: Jid,
    stanza: Stanza,
  ): void {
    // §7.2.1
    if (to.resource === '') throw new StanzaError('jid-malformed', { by: to.bare });
    const muc = this.#muc;
    // It is kept, and told to everybody who enters from now on.
    checkSize(muc, { jid: to }, stanza, PRESENCE_BYTES);
    const join = stanza.element.getChild('x', NS.muc);
    const entrance = { jid: from, nick: to.resource, stanza, join };
    if (room !== null && session !== undefined) {
      if (session.occupant.nick !== to.resource) changeNick(muc, work, room, session, to.resource, stanza);
      else if (join === undefined) changeAvailability(muc, work, room, session, stanza);
      // §14.6: a second join costs a roster and the history.
      else spend(muc, room, session);
      if (join === undefined) return;
      if (this.#mustWait(from)) throw refusal(room, 'resource-constraint', { text: WAIT });
      this.#again(work, room, session, entrance);
      this.#charge(from, work);
      return;
    }
    if (join === undefined && !muc.policy.groupchat1) {
      this.#notInRoom(work, room, from, to, stanza);
      return;
    }
    if (room !== null) {
      enter(muc, work, room, { ...entrance, created: false });
      return;
    }
    create(muc, this.#creators, to, entrance, (made) => {
      if (made instanceof StanzaError) this.refuse(stanza, made);
      else muc.delivery.submit(made);
    });
  }

  #again(work: Work, room: Room, session: Session, entrance: Omit<Entrance, 'created'>): void {
    synchronise(this.#muc, work, room, session, { ...entrance, created: false });
  }

  /** §7.2.18: neither a join nor an update, but a client that believes to be in the room. */
  #notInRoom(work: Work, room: Room | null, from: Jid, to: Jid, stanza: Stanza): void {
    const item = itemElement({
      affiliation: room?.affiliationOf(from.bare) ?? 'none',
      role: 'none',
      reason: 'You are not in the room.',
    });
    const kick = template(
      { name: 'presence', from: escapeAttribute(to.full), type: 'unavailable', id: stanza.id },
      userElement(item, [110, 307, 333]),
    );
    work.broadcastTo(kick, [escapeAttribute(from.full)]);
  }

  /** IQs that no handler of the component itself took. */
  iq(stanza: Stanza): void {
    const { fromJid: from, toJid: to } = stanza;
    if (!from || !to) return;
    if (stanza.type === 'result' || stanza.type === 'error') this.#answer(stanza, from, to);
    else if (to.local === '') this.#serviceIq(stanza);
    else
      this.#inRoom(stanza, to, (work, room) => {
        if (to.resource !== '') this.#occupantIq(work, room, from, to, stanza);
        else if (room === null) throw new StanzaError('item-not-found', { by: to.bare });
        else {
          roomIq(this.#muc, work, room, from, stanza);
          this.#charge(from, work);
        }
      });
  }

  #answer(iq: Stanza, from: Jid, to: Jid): void {
    if (this.#ghosts.answered(iq)) return;
    const key = `barrier\n${iq.id ?? ''}`;
    if (to.local === '' && from.full === this.#muc.policy.coreDomain) {
      const passed = this.#muc.own.take(key);
      if (typeof passed === 'function') passed();
      return;
    }
    if (to.local === '') return;
    this.#inRoom(iq, to, (work, room) => {
      if (room !== null) relayAnswer(this.#muc, work, room, iq);
    });
  }

  #occupantIq(work: Work, room: Room | null, from: Jid, to: Jid, iq: Stanza): void {
    const session = room?.sessions.get(from.full);
    if (room === null || session === undefined) {
      // §6.6 for disco; XEP-0410 §3.3 for the rest, whether or not there is such a room.
      const disco = iq.payload?.namespace === NS.discoInfo || iq.payload?.namespace === NS.discoItems;
      throw new StanzaError(disco ? 'bad-request' : 'not-acceptable', {
        type: disco ? 'modify' : 'cancel',
        by: to.bare,
      });
    }
    session.lastSeen = this.#muc.ticks();
    relayRequest(this.#muc, work, room, session, to.resource, iq);
  }

  #serviceIq(iq: Stanza): void {
    const work = new Work(iq);
    if (iq.type === 'get' && iq.payload?.namespace === NS.mucUnique) {
      sendResult(work, iq, uniqueName(this.#muc.newId().toLowerCase()).toString());
      this.#muc.delivery.submit(work);
    } else this.refuse(iq, new StanzaError('service-unavailable'));
  }

  #mustWait(from: Jid): boolean {
    const { pace, admins } = this.#muc;
    return pace.exceeded(from.bare, this.#muc.ticks()) && !admins.has(from.bare);
  }

  /** For what it is answered. */
  #charge(from: Jid, work: Work): void {
    let characters = 0;
    for (const outgoing of work.out) if (typeof outgoing === 'string') characters += outgoing.length;
    this.#muc.pace.charge(from.bare, characters, this.#muc.ticks());
  }

  #inRoom(stanza: Stanza, to: Jid, action: (work: Work, room: Room | null) => void): void {
    // Entering a large room is a short stanza, and makes many: nobody may ask for more than can be sent. Nor is more kept for
    // a store that does not answer.
    const full = this.#muc.delivery.congested || this.#muc.rooms.waitingSize > WAITING_CHARACTERS;
    if (full && asksForSomething(stanza)) {
      const text = 'The service cannot reach its occupants at present';
      this.refuse(stanza, new StanzaError('resource-constraint', { by: to.bare, text }));
      return;
    }
    if (stanza.fromJid && this.#mustWait(stanza.fromJid) && mayBeCostly(stanza)) {
      this.refuse(stanza, new StanzaError('resource-constraint', { by: to.bare, text: WAIT }));
      return;
    }
    this.#muc.rooms.use(
      to.local,
      (room) => {
        const work = new Work(stanza);
        try {
          if (room !== null) room.lastUsed = this.#muc.ticks();
          action(work, room);
        } catch (error) {
          if (error instanceof StanzaError) this.refuse(stanza, error);
          else {
            this.#muc.log.error(
              { code: 'muc.handler-failed', error, room: to.local },
              'a stanza could not be handled',
            );
            this.refuse(stanza, stanzaErrorOf(error));
          }
          return;
        }
        this.#muc.delivery.submit(work);
      },
      (error) => {
        this.#muc.log.error(
          { code: 'muc.storage-failed', error, room: to.local },
          'a room could not be loaded',
        );
        this.refuse(stanza, stanzaErrorOf(error));
      },
      STANZA_CHARACTERS + stanza.source.length,
    );
  }

  refuse(stanza: Stanza, error: StanzaError): void {
    const text = errorText(stanza, error);
    if (text === null) return;
    this.#muc.counters.refusals.inc(1, { condition: error.condition });
    const work = new Work(null);
    work.send(text);
    this.#muc.delivery.submit(work);
  }
}

function asksForSomething({ type }: Stanza): boolean {
  return type !== 'error' && type !== 'result' && type !== 'unavailable';
}

/** The error answer; to a presence with the `<x/>` of muc, as the examples of §7.2 have it. */
export function errorText(stanza: Stanza, error: StanzaError): string | null {
  if (stanza.name === 'presence' && stanza.type !== undefined) return null;
  const original = stanza.name === 'presence' ? [xml('x', { xmlns: NS.muc })] : [];
  if (error instanceof VoiceNotRevoked) original.push(error.offending);
  return errorReply(stanza, error, { original })?.text ?? null;
}
