import type { RawClient } from '../raw-client.js';
import { ACCOUNTS, type Conversation, type Step, withNumber } from './conversation.js';
import { normalise } from './normalise.js';
import type { Side } from './servers.js';

/** What each client received because of one step, by `account/resource`; every stanza normalised, in no order. */
export type Observation = ReadonlyMap<string, readonly string[]>;

/** How long a server may take, and how long nothing must come of it; the patient look twice before they call it a difference. */
const HASTY = { barrier: 1500, answer: 400, pause: 12 };
const PATIENT = { barrier: 4000, answer: 2500, pause: 120 };
const MOST_ROUNDS = 6;
const DISCO_INFO = 'http://jabber.org/protocol/disco#info';
export const CAPS_NODE = 'http://example.org/differ';
export const CAPS_FEATURES = [
  'http://jabber.org/protocol/disco#info',
  'http://jabber.org/protocol/tune+notify',
];
const CAPS_ANSWER = `<query xmlns='${DISCO_INFO}'><identity category='client' type='pc'/>${CAPS_FEATURES.map((feature) => `<feature var='${feature}'/>`).join('')}</query>`;

interface Present {
  readonly client: RawClient;
  /** Its full JID, without the number. */
  readonly jid: string;
  readonly seen: string[];
}

let barriers = 0;

/** One conversation on one server, with accounts of its own. */
export class Run {
  readonly #side: Side;
  readonly #number: number;
  readonly #conversation: Conversation;
  readonly #times: typeof HASTY;
  readonly #present = new Map<string, Present>();

  /** `number` is its own among all runs on this server. */
  constructor(side: Side, conversation: Conversation, number: number, patient = false) {
    this.#times = patient ? PATIENT : HASTY;
    this.#side = side;
    this.#conversation = conversation;
    this.#number = number;
  }

  async all(): Promise<Observation[]> {
    await this.#side.addUsers(ACCOUNTS.map((name) => `${name}${this.#number}`));
    const observations: Observation[] = [];
    try {
      for (const step of this.#conversation.steps) {
        await this.#do(step);
        if (step.do === 'send') await this.#answered(step);
        await this.#quiesce(step.at);
        observations.push(this.#take());
      }
    } finally {
      for (const { client } of this.#present.values()) client.cut();
    }
    return observations;
  }

  async #do(step: Step): Promise<void> {
    const present = this.#present.get(step.at);
    if (step.do === 'connect') return this.#connect(step.at);
    if (present === undefined) return;
    if (step.do === 'send') {
      present.client.send(withNumber(step.text, this.#number));
      return;
    }
    this.#present.delete(step.at);
    if (step.do === 'close') await present.client.close();
    else present.client.cut();
  }

  async #connect(at: string): Promise<void> {
    const [account = '', resource = ''] = at.split('/');
    const client = await this.#side.connect();
    await client.login(`${account}${this.#number}`, 'secret', 'localhost', resource);
    const previous = this.#present.get(at);
    if (previous !== undefined) await this.#quiesce(at);
    const present: Present = {
      client,
      jid: at.replace('/', '@localhost/'),
      seen: [],
    };
    this.#present.set(at, present);
    if (previous !== undefined) {
      present.seen.push(...previous.seen.map((line) => `(before) ${line}`));
      previous.client.cut();
    }
  }

  /** An answer may wait for a disk, and overtakes nothing; not every request has one. */
  async #answered(step: Step & { do: 'send' }): Promise<void> {
    const present = this.#present.get(step.at);
    const id = /^<iq type='[gs]et' id='(s\d+)'/.exec(step.text)?.[1];
    if (present === undefined || id === undefined) return;
    const { client } = present;
    await client
      .stanza((stanza) => stanza.name === 'iq' && stanza.id === id, this.#times.answer)
      .then((stanza) => client.received.push({ kind: 'element', stanza }))
      .catch(() => undefined);
  }

  /** Asks every client's server until nothing more comes of it. */
  async #quiesce(first: string): Promise<void> {
    const order = [...this.#present.keys()].sort((a, b) => Number(b === first) - Number(a === first));
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const before = this.#heard();
      if (round === 0) await Promise.all(order.slice(0, 1).map((at) => this.#barrier(at)));
      if (round > 0) await new Promise((resolve) => setTimeout(resolve, this.#times.pause));
      await Promise.all(order.map((at) => this.#barrier(at)));
      if (round > 0 && this.#heard() === before) return;
    }
  }

  #heard(): number {
    let heard = 0;
    for (const { seen } of this.#present.values()) heard += seen.length;
    return heard;
  }

  async #barrier(at: string): Promise<void> {
    const present = this.#present.get(at);
    if (present === undefined) return;
    const { client } = present;
    const asked: string[] = [];
    for (const text of [
      "<iq type='get' id='ID'><ping xmlns='urn:xmpp:ping'/></iq>",
      ...this.#conversation.barriers,
    ]) {
      barriers += 1;
      asked.push(`barrier-${barriers}`);
      client.send(withNumber(text.replace('ID', `barrier-${barriers}`), this.#number));
    }
    const end = performance.now() + this.#times.barrier;
    const open = new Set(asked);
    while (open.size > 0 && performance.now() < end) {
      this.#drain(present, open);
      if (open.size === 0 || client.socket.destroyed) break;
      const next = await client.next(Math.max(1, end - performance.now())).catch(() => undefined);
      if (next !== undefined) client.received.unshift(next);
    }
    this.#drain(present, open);
    if (open.size > 0 && !client.socket.destroyed) present.seen.push('(deaf)');
  }

  #drain(present: Present, open: Set<string>): void {
    for (const item of present.client.received.splice(0)) {
      if (item.kind !== 'element') {
        if (item.kind !== 'header') present.seen.push(`(${item.kind})`);
        continue;
      }
      const { stanza } = item;
      if (stanza.id?.startsWith('barrier-') === true && stanza.name === 'iq') {
        open.delete(stanza.id);
        continue;
      }
      if (stanza.name === 'iq' && stanza.type === 'get' && stanza.payload?.namespace === DISCO_INFO) {
        const node = stanza.element.getChild('query')?.attrs['node'];
        const answer = node === undefined ? CAPS_ANSWER : CAPS_ANSWER.replace('>', ` node='${node}'>`);
        const to = stanza.from === undefined ? '' : ` to='${stanza.from}'`;
        present.client.send(`<iq type='result' id='${stanza.id}'${to}>${answer}</iq>`);
        if (/^s\d+$/.test(stanza.id ?? '')) present.seen.push(normalise(stanza, present.jid));
        continue;
      }
      present.seen.push(normalise(stanza, present.jid));
    }
  }

  #take(): Observation {
    const observation = new Map<string, readonly string[]>();
    for (const [at, present] of this.#present) {
      if (present.seen.length > 0) observation.set(at, present.seen.splice(0).sort());
      if (present.client.socket.destroyed) this.#present.delete(at);
    }
    return observation;
  }
}
