import { BoshClient } from '../bosh-client.js';
import { openClient } from './client.js';
import type { Findings } from './findings.js';
import type { SystemUnderFire } from './system.js';
import { escapeXml } from './tree.js';
import { childOf, contains, type Heard, type Wire } from './wire.js';

const BOUND_MILLISECONDS = 15_000;
const UNSUPPORTED =
  "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
const DEN = 'den@conference.localhost';

/**
 * Two accounts that nobody may disturb, `v0` and `v1`, who are each other's contacts and sit in one room. Whatever they
 * say carries a token that no attacker knows: who speaks in their name without it has spoofed them.
 */
export class Canary {
  readonly #system: SystemUnderFire;
  readonly #findings: Findings;
  /** Whether others (bare JIDs, domains) may speak to them at all. */
  readonly #known: (jid: string) => boolean;
  readonly #token = `token-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  #wires: Wire[] = [];
  #bosh: BoshClient | undefined;
  #waiting: { fits: (at: number, heard: Heard) => boolean; done: () => void }[] = [];
  #round = 0;
  /** While they become friends the server speaks in their names. */
  #singing = false;
  rounds = 0;
  slowestMilliseconds = 0;

  constructor(system: SystemUnderFire, known: (jid: string) => boolean) {
    this.#system = system;
    this.#findings = system.findings;
    this.#known = known;
  }

  async start(): Promise<void> {
    const { core } = this.#system;
    await core.addUsers('v0', 'v1', 'v2');
    this.#wires = [];
    for (const user of ['v0', 'v1']) {
      const wire = await openClient(core, user, 'canary');
      const at = this.#wires.push(wire) - 1;
      wire.onElement = (heard) => this.#heard(at, heard);
    }
    for (const at of [0, 1]) {
      await this.#iq(at, 'get', "<query xmlns='jabber:iq:roster'/>");
      this.#say(at, `<presence><status>${this.#token}</status></presence>`);
      for (const type of ['subscribe', 'subscribed'])
        this.#say(
          at,
          `<presence to='v${1 - at}@localhost' type='${type}'><status>${this.#token}</status></presence>`,
        );
    }
    await this.#enter(0);
    // An instant room: locked until its owner says so.
    const instant =
      "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>";
    await this.#iq(0, 'set', instant, DEN);
    await this.#enter(1);
    for (const at of [0, 1]) await this.#iq(at, 'get', "<ping xmlns='urn:xmpp:ping'/>");
    await this.#openBosh();
    this.#singing = true;
  }

  #enter(at: number): Promise<void> {
    const entered = this.#await(
      (who, { name, attributes }) =>
        who === at &&
        name === 'presence' &&
        attributes['from'] === `${DEN}/v${at}` &&
        attributes['type'] === undefined,
    );
    const muc = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>";
    this.#say(at, `<presence to='${DEN}/v${at}'>${muc}<status>${this.#token}</status></presence>`);
    return entered;
  }

  #say(at: number, text: string): void {
    this.#wires[at]?.send(text);
  }

  #await(fits: (at: number, heard: Heard) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), BOUND_MILLISECONDS);
      const waiting = {
        fits,
        done: () => {
          clearTimeout(timer);
          this.#waiting = this.#waiting.filter((one) => one !== waiting);
          resolve();
        },
      };
      this.#waiting.push(waiting);
    });
  }

  async #iq(at: number, type: 'get' | 'set', payload: string, to?: string): Promise<void> {
    const id = `${this.#token}-${++this.#round}`;
    let answer: Heard | undefined;
    const answered = this.#await((who, heard) => {
      if (who !== at || heard.name !== 'iq' || heard.attributes['id'] !== id) return false;
      answer = heard;
      return true;
    });
    this.#say(at, `<iq type='${type}' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`);
    await answered;
    if (answer?.attributes['type'] !== 'result') throw new Error(`no result: ${JSON.stringify(answer)}`);
  }

  async #openBosh(): Promise<void> {
    const client = new BoshClient(this.#system.httpPort);
    const plain = Buffer.from('\0v2\0secret').toString('base64');
    await client.create({ to: 'localhost', wait: 5 });
    await client.send({}, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await client.send({ 'xmpp:restart': 'true', to: 'localhost' });
    const { text } = await client.send(
      {},
      "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    );
    if (!text.includes('<jid>')) throw new Error(`no session over BOSH: ${text}`);
    this.#bosh = client;
  }

  async #askBosh(): Promise<void> {
    const id = `${this.#token}-${++this.#round}`;
    const ask = `<iq xmlns='jabber:client' type='get' id='${id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`;
    let answer = await this.#bosh?.send({}, ask);
    for (let i = 0; i < 3 && answer !== undefined && !answer.text.includes(id); i++)
      answer = await this.#bosh?.send();
    if (answer?.text.includes(id) !== true)
      throw new Error(`no ping over BOSH: ${answer?.status} ${answer?.text}`);
  }

  /** Every service once; a finding for each that does not serve in time. */
  async look(during: string): Promise<void> {
    const round = `${this.#token}-r${++this.#round}`;
    const begun = performance.now();
    const heardBy = (at: number) =>
      this.#await((who, heard) => who === at && heard.name === 'message' && contains(heard, round));
    const tries: [string, () => Promise<unknown>][] = [
      ['ping', () => this.#iq(0, 'get', "<ping xmlns='urn:xmpp:ping'/>", 'localhost')],
      [
        'message',
        () => {
          const heard = heardBy(1);
          this.#say(0, `<message to='v1@localhost/canary' type='chat'><body>${round}</body></message>`);
          return heard;
        },
      ],
      [
        'room',
        () => {
          const body = `${round}-muc`;
          const heard = this.#await(
            (who, element) =>
              who === 1 && contains(element, body) && element.attributes['from'] === `${DEN}/v0`,
          );
          this.#say(0, `<message to='${DEN}' type='groupchat' id='${body}'><body>${body}</body></message>`);
          return heard;
        },
      ],
      [
        'PEP',
        async () => {
          const item = `<item id='current'><mood xmlns='http://jabber.org/protocol/mood'><text>${round}</text></mood></item>`;
          await this.#iq(
            0,
            'set',
            `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/mood'>${item}</publish></pubsub>`,
          );
          await this.#iq(
            1,
            'get',
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='http://jabber.org/protocol/mood'/></pubsub>",
            'v0@localhost',
          );
        },
      ],
      [
        'vCard',
        async () => {
          await this.#iq(0, 'set', `<vCard xmlns='vcard-temp'><FN>${round}</FN></vCard>`);
          await this.#iq(1, 'get', "<vCard xmlns='vcard-temp'/>", 'v0@localhost');
        },
      ],
      ['privacy lists', () => this.#iq(1, 'get', "<blocklist xmlns='urn:xmpp:blocking'/>")],
      ['BOSH', () => this.#askBosh()],
    ];
    for (const [name, attempt] of tries) {
      try {
        await attempt();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#findings.add(
          `the canary's ${name} failed`,
          `${why} ${during} ${this.#wires.map((wire) => wire.tail.slice(-500)).join('\n')}`,
        );
      }
    }
    for (const wire of this.#wires)
      for (const problem of wire.problems)
        this.#findings.add('ill-formed stanza delivered', `${problem} ${during}`);
    this.rounds++;
    this.slowestMilliseconds = Math.max(this.slowestMilliseconds, performance.now() - begun);
  }

  #heard(at: number, heard: Heard): void {
    if (this.#singing) this.#judge(at, heard);
    const { name, attributes } = heard;
    const { id = '', type, from } = attributes;
    if (name === 'iq' && (type === 'get' || type === 'set') && from !== undefined)
      this.#say(at, `<iq type='error' id='${escapeXml(id)}' to='${escapeXml(from)}'>${UNSUPPORTED}</iq>`);
    for (const { fits, done } of [...this.#waiting]) if (fits(at, heard)) done();
  }

  /** From whom it says it is must be true. */
  #judge(at: number, heard: Heard): void {
    const { name, namespace, attributes } = heard;
    const from = attributes['from'] ?? '';
    if (namespace !== 'jabber:client' || !['message', 'presence', 'iq'].includes(name)) {
      if (namespace !== 'http://etherx.jabber.org/streams')
        this.#findings.add('the canary heard no stanza', JSON.stringify(heard));
      return;
    }
    const answer = attributes['type'] === 'result' || attributes['type'] === 'error';
    const bare = from.replace(/\/.*$/s, '');
    const push =
      name === 'iq' &&
      (childOf(heard, 'query', 'jabber:iq:roster') !== undefined || childOf(heard, 'block') !== undefined);
    if (/^v[0-9]@localhost$/.test(bare)) {
      if (push && bare === `v${at}@localhost`) return;
      if (!contains(heard, this.#token))
        this.#findings.add('spoofed in the name of a victim', JSON.stringify(heard));
      return;
    }
    if (from === '' ? !push && !answer : !this.#known(from))
      this.#findings.add('heard from nobody', JSON.stringify(heard));
    // Attackers sign what they say; a signature that was mutated says nothing. Other domains name their users as they like.
    const { by, again } = childOf(heard, 'mark', 'urn:fuzz')?.attributes ?? {};
    if (by === undefined || by !== again || answer || from.includes('@conference.localhost')) return;
    const told = by.endsWith('@localhost') ? bare : bare.replace(/^[^@]*@/, '');
    if (told !== (by.endsWith('@localhost') ? by : by.replace(/^[^@]*@/, '')))
      this.#findings.add('from another than its sender', `${by} ${JSON.stringify(heard)}`);
  }

  async stop(): Promise<void> {
    this.#singing = false;
    for (const wire of this.#wires) await wire.finish(2000);
    await this.#bosh?.send({ type: 'terminate' }).catch(() => undefined);
  }
}
