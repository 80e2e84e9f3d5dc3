import type { Stanza } from '../../../shared/xml/stanza.js';
import type { Book } from './book.js';
import type { Chatter } from './chatters.js';
import { textOf } from './client.js';

const MUC = 'http://jabber.org/protocol/muc';
/** Messages of the history that somebody who enters asks for. */
export const HISTORY = 400;
const REJOIN_MILLISECONDS = 4000;

/** Rooms whose messages are on the ledger: reflected to their sender means that every occupant has them or will. */
export class LedgerRoom {
  readonly jid: string;
  readonly #book: Book;
  readonly #occupants: Occupant[] = [];
  readonly reflected: string[] = [];
  readonly refusals = new Map<string, number>();
  #sequence = 0;

  constructor(name: string, book: Book) {
    this.jid = `${name}@conference.localhost`;
    this.#book = book;
  }

  get joined(): boolean {
    return this.#occupants.every((occupant) => occupant.present);
  }

  async enter(chatter: Chatter, nick: string): Promise<void> {
    const occupant = new Occupant(this, chatter, nick);
    this.#occupants.push(occupant);
    chatter.joined = () => occupant.gone();
    chatter.other = (stanza) => occupant.received(stanza);
    occupant.gone();
    await occupant.entered();
  }

  /** Makes the room stay when everybody has left. */
  async persist(owner: Chatter): Promise<void> {
    await owner.client.iq(
      'set',
      `<query xmlns='${MUC}#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>` +
        `<value>${MUC}#roomconfig</value></field><field var='muc#roomconfig_persistentroom'><value>1</value></field>` +
        '</x></query>',
      this.jid,
    );
  }

  say(occupant: Occupant): void {
    if (!occupant.present || !occupant.chatter.client.online) return;
    this.#sequence++;
    const id = `${this.jid.split('@')[0]}-${this.#sequence}`;
    for (const other of this.#occupants)
      if (other !== occupant) this.#book.sent(`${id}>${other.nick}`, 'room', other.nick);
    occupant.chatter.client.send(
      `<message to='${this.jid}' type='groupchat' id='${id}'><body>${id}</body></message>`,
    );
  }

  sayAny(index: number): void {
    const occupant = this.#occupants[index % this.#occupants.length];
    if (occupant !== undefined) this.say(occupant);
  }

  /** Those who are not in the room try to get in. */
  rejoin(): void {
    for (const occupant of this.#occupants) occupant.enterAgain();
  }

  reflection(id: string, sender: Occupant): void {
    this.reflected.push(id);
    for (const other of this.#occupants) if (other !== sender) this.#book.acknowledged(`${id}>${other.nick}`);
  }

  refused(id: string, condition: string): void {
    this.refusals.set(condition, (this.refusals.get(condition) ?? 0) + 1);
    for (const other of this.#occupants) this.#book.bounced(`${id}>${other.nick}`, condition);
  }

  delivered(id: string, to: Occupant): void {
    this.#book.delivered(`${id}>${to.nick}`);
  }
}

class Occupant {
  readonly chatter: Chatter;
  readonly nick: string;
  readonly #room: LedgerRoom;
  present = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  readonly #seen = new Set<string>();
  #entered: (() => void)[] = [];

  constructor(room: LedgerRoom, chatter: Chatter, nick: string) {
    this.#room = room;
    this.chatter = chatter;
    this.nick = nick;
  }

  entered(): Promise<void> {
    if (this.present) return Promise.resolve();
    return new Promise((resolve) => this.#entered.push(resolve));
  }

  gone(): void {
    this.present = false;
    this.#askedAt = Number.NEGATIVE_INFINITY;
    setImmediate(() => this.enterAgain());
  }

  enterAgain(): void {
    if (this.present || performance.now() - this.#askedAt < REJOIN_MILLISECONDS) return;
    const asked = this.chatter.client.send(
      `<presence to='${this.#room.jid}/${this.nick}'><x xmlns='${MUC}'><history maxstanzas='${HISTORY}'/></x></presence>`,
    );
    if (asked) this.#askedAt = performance.now();
  }

  received(stanza: Stanza): void {
    const from = stanza.from ?? '';
    if (!from.startsWith(this.#room.jid)) return;
    const mine = from === `${this.#room.jid}/${this.nick}`;
    if (stanza.name === 'presence') {
      if (stanza.type === 'error' || (mine && stanza.type === 'unavailable')) this.present = false;
      else if (mine && /code=['"]110['"]/.test(stanza.source)) {
        this.present = true;
        for (const resolve of this.#entered.splice(0)) resolve();
      }
      return;
    }
    if (stanza.name !== 'message') return;
    if (stanza.type === 'error') {
      const condition = /<error.*?<([a-z-]+)/.exec(stanza.source)?.[1] ?? 'unknown';
      if (stanza.id !== undefined) this.#room.refused(stanza.id, condition);
      // the room does not know us: what was said is not in it
      if (condition === 'not-acceptable') this.gone();
      return;
    }
    const { id } = stanza;
    if (stanza.type !== 'groupchat' || id === undefined || textOf(stanza, 'body') === null) return;
    const old = stanza.source.includes('urn:xmpp:delay');
    if (mine) {
      if (!this.#seen.has(id)) this.#room.reflection(id, this);
      this.#seen.add(id);
    } else if (!old || !this.#seen.has(id)) {
      this.#seen.add(id);
      this.#room.delivered(id, this);
    }
  }
}
