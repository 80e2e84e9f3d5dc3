import type { Stanza } from '../../../shared/xml/stanza.js';
import type { LedgerClient } from './client.js';

/** Something an account keeps on the server, written again and again with a growing number. */
interface RegisterKind {
  readonly name: string;
  write(n: number): string;
  read: string;
  /** The number in what was read; null: none. */
  numberIn(answer: Stanza): number | null;
}

const found = (answer: Stanza, pattern: RegExp): number | null => {
  const match = pattern.exec(answer.source);
  return match?.[1] === undefined ? null : Number(match[1]);
};

export const REGISTERS: readonly RegisterKind[] = [
  {
    name: 'roster',
    write: (n) =>
      `<query xmlns='jabber:iq:roster'><item jid='somebody@elsewhere.example' name='n${n}'/></query>`,
    read: "<query xmlns='jabber:iq:roster'/>",
    numberIn: (answer) => found(answer, /name=['"]n(\d+)['"]/),
  },
  {
    name: 'vcard',
    write: (n) => `<vCard xmlns='vcard-temp'><FN>n${n}</FN></vCard>`,
    read: "<vCard xmlns='vcard-temp'/>",
    numberIn: (answer) => found(answer, /<FN>n(\d+)</),
  },
  {
    name: 'pep',
    write: (n) =>
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:example:ledger'><item id='current'>" +
      `<n xmlns='urn:example:ledger'>n${n}</n></item></publish></pubsub>`,
    read: "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:example:ledger'/></pubsub>",
    numberIn: (answer) => found(answer, />n(\d+)</),
  },
  {
    name: 'privacy list',
    write: (n) =>
      `<query xmlns='jabber:iq:privacy'><list name='l'><item type='jid' value='n${n}@elsewhere.example' action='deny' order='1'/></list></query>`,
    read: "<query xmlns='jabber:iq:privacy'><list name='l'/></query>",
    numberIn: (answer) => found(answer, /n(\d+)@elsewhere/),
  },
  {
    name: 'block list',
    write: (n) => `<block xmlns='urn:xmpp:blocking'><item jid='n${n}@elsewhere.example'/></block>`,
    read: "<blocklist xmlns='urn:xmpp:blocking'/>",
    // the list only grows: whether all acknowledged ones are in it is looked at in the end
    numberIn: (answer) =>
      Math.max(0, ...[...answer.source.matchAll(/n(\d+)@elsewhere/g)].map((match) => Number(match[1]))),
  },
];

/** One register of one account, and what its owner was told. */
export class Register {
  readonly kind: RegisterKind;
  readonly client: LedgerClient;
  readonly violations: string[] = [];
  #written = 0;
  acknowledged = 0;
  refused = 0;
  unanswered = 0;
  readonly acknowledgedAll: number[] = [];
  readonly #conditions = new Map<string, number>();

  constructor(kind: RegisterKind, client: LedgerClient) {
    this.kind = kind;
    this.client = client;
  }

  /** Writes the next number; `every` so many writes it is read back. */
  async step(every = 8): Promise<void> {
    if (!this.client.online) return;
    this.#written++;
    const n = this.#written;
    const answer = await this.client.iq('set', this.kind.write(n));
    if (answer === null) this.unanswered++;
    else if (answer.type === 'result') {
      this.acknowledged = n;
      this.acknowledgedAll.push(n);
    } else {
      this.refused++;
      const condition = /<error.*?<([a-z-]+)/.exec(answer.source)?.[1] ?? 'unknown';
      this.#conditions.set(condition, (this.#conditions.get(condition) ?? 0) + 1);
    }
    if (n % every === 0) await this.check();
  }

  /** Reads: the last acknowledged number or one that was sent after it. False: it could not be read. */
  async check(): Promise<boolean> {
    const expected = this.acknowledged;
    const answer = await this.client.iq('get', this.kind.read);
    if (answer === null) return false;
    const empty = answer.type === 'error' && answer.source.includes('item-not-found');
    if (answer.type === 'error' && !empty) return false;
    const n = empty ? 0 : (this.kind.numberIn(answer) ?? 0);
    if (n < expected || n > this.#written)
      this.violations.push(`${this.kind.name} of ${this.client.bare}: ${expected} acknowledged, ${n} read`);
    return true;
  }

  describe(): string {
    const conditions = [...this.#conditions].map(([name, n]) => `${name} ${n}`).join(', ');
    return (
      `${this.kind.name}: written ${this.#written}, acknowledged ${this.acknowledgedAll.length}, refused ${this.refused}` +
      `${conditions === '' ? '' : ` (${conditions})`}, never answered ${this.unanswered}`
    );
  }
}
