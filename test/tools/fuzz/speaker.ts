import type { Dice } from './dice.js';
import type { Findings } from './findings.js';
import { judgeSaid, type Said } from './judge.js';
import { escapeXml } from './tree.js';
import { childrenOf, type Heard, type Wire } from './wire.js';
import { cut } from './xml-mutations.js';

/** The longest that an answer may take: where one waits for another, that other has at least 10 s. */
const ANSWER_MILLISECONDS = 8000;

interface SpeakerOptions {
  /** How it is called in reports. */
  readonly name: string;
  /** Opens and negotiates a new stream. */
  readonly connect: () => Promise<Wire>;
  /** The content namespace of its stream. */
  readonly namespace: string;
  /** The attributes `from` and `to` of its pings, as text; `''` for a client. */
  readonly pingAddresses: string;
  /** Attributes that its answers to others' requests need besides `to`: `from` for servers and components. */
  readonly answersFrom: boolean;
  /** Whether a judged element is a request that must be answered, to here. */
  readonly expects: (said: Said) => boolean;
  /** What to say to a request that comes; undefined: an error. */
  readonly answers?: (heard: Heard) => string | undefined;
}

/** Somebody on an established stream who says anything, and counts the answers to what was asked. */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #findings: Findings;
  #wire: Wire | undefined;
  /** By id, how many answers are due (0: answered, another is one too many). */
  readonly #due = new Map<string, number>();
  #outstanding = 0;
  #pings = 0;
  #lastCase = '';
  streams = 0;
  /** Requests that had to be answered. */
  asked = 0;
  /** Stream errors that it was given. */
  readonly ends = new Map<string, number>();

  constructor(options: SpeakerOptions, findings: Findings) {
    this.#options = options;
    this.#findings = findings;
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** What came by another way, as another server's answers may: those of a stream that broke are sent again there. */
  hear(heard: Heard): void {
    if (this.#wire === undefined || this.#due.get(heard.attributes['id'] ?? '') === 0) return;
    this.#heard(this.#wire, heard);
  }

  /** Asks until there is an answer: what was on its way when connections were cut may be lost. */
  async settle(): Promise<void> {
    const wire = await this.#ready();
    for (let i = 0; i < 15; i++) {
      const id = `settle-${this.#options.name}-${++this.#pings}`;
      this.#due.set(id, 1);
      wire.send(`<iq type='get' id='${id}'${this.#options.pingAddresses}><ping xmlns='urn:xmpp:ping'/></iq>`);
      const answered = await wire.until(() => this.#due.get(id) === 0 || wire.closed || wire.ended, 1000);
      if (answered) break;
    }
    this.#due.clear();
    this.#outstanding = 0;
  }

  async #ready(): Promise<Wire> {
    if (this.#wire !== undefined && !this.#wire.closed && !this.#wire.ended) return this.#wire;
    this.#due.clear();
    this.#outstanding = 0;
    const wire = await this.#options.connect();
    this.streams++;
    wire.onElement = (heard) => this.#heard(wire, heard);
    this.#wire = wire;
    return wire;
  }

  /** Opens its stream, if it has none. */
  async connect(): Promise<void> {
    await this.#ready();
  }

  /** Says it, in pieces, then asks whether the other side is still there, and waits for what is due. */
  async say(said: string | Buffer, dice: Dice, report: string): Promise<void> {
    const wire = await this.#ready();
    this.#lastCase = report;
    const { namespace, pingAddresses, name } = this.#options;
    const header = `<stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams'>`;
    const judged = typeof said === 'string' ? judgeSaid(said, header) : null;
    const survives = judged !== null && judged.end === 'between' && !judged.beyondLimits;
    if (survives) for (const one of judged.elements) if (this.#options.expects(one)) this.#expect(one);
    const raw = Buffer.from(said);
    for (const chunk of dice.chance(0.2) ? cut(dice, raw) : [raw]) wire.send(chunk);
    if (judged === null || judged.end === 'inside' || judged.end === 'bad') {
      // Nothing can be asked behind it: the stream is over, whoever finds out first.
      if (!(await wire.finish(ANSWER_MILLISECONDS))) this.#found('a stream did not end', report);
      this.#over(wire, report);
      return;
    }
    const ping = `ping-${name}-${++this.#pings}`;
    this.#due.set(ping, 1);
    this.#outstanding++;
    wire.send(`<iq type='get' id='${ping}'${pingAddresses}><ping xmlns='urn:xmpp:ping'/></iq>`);
    const answered = await wire.until(
      () => this.#outstanding === 0 || wire.closed || wire.ended,
      ANSWER_MILLISECONDS,
    );
    if (!answered) {
      const missing = [...this.#due].filter(([, count]) => count > 0).map(([id]) => id);
      this.#found('an answer did not come', `${JSON.stringify(missing)} ${report}`);
    }
    if (wire.closed || wire.ended || !answered) {
      if (survives && answered && wire.streamError === undefined && !wire.ended)
        this.#found('a stream was cut without a word', report);
      await wire.finish(ANSWER_MILLISECONDS);
      this.#over(wire, report);
      return;
    }
    for (const problem of wire.problems) this.#found(`ill-formed output`, `${problem} ${report}`);
    this.#due.clear();
  }

  #over(wire: Wire, report: string): void {
    if (wire.streamError !== undefined)
      this.ends.set(wire.streamError, (this.ends.get(wire.streamError) ?? 0) + 1);
    for (const problem of wire.problems) this.#found('ill-formed output', `${problem} ${report}`);
    if (wire.streamError === 'internal-server-error')
      this.#found('stream error internal-server-error', report);
    wire.socket.destroy();
    this.#wire = undefined;
  }

  #expect(said: Said): void {
    const id = said.attributes['id'] ?? '';
    this.#due.set(id, (this.#due.get(id) ?? 0) + 1);
    this.#outstanding++;
    this.asked++;
  }

  #heard(wire: Wire, heard: Heard): void {
    const { name, attributes } = heard;
    if (name !== 'iq') return;
    const { id = '', type, from, to } = attributes;
    if (type === 'get' || type === 'set') {
      const answer = this.#options.answers?.(heard);
      if (answer !== undefined) {
        wire.send(answer);
        return;
      }
      const back = from === undefined ? '' : ` to='${escapeXml(from)}'`;
      const as = this.#options.answersFrom ? ` from='${escapeXml(to ?? '')}'` : '';
      wire.send(
        `<iq type='error' id='${escapeXml(id)}'${back}${as}><error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      return;
    }
    const error = childrenOf(heard).find((child) => child.name === 'error');
    if (error !== undefined && childrenOf(error).some((child) => child.name === 'internal-server-error'))
      this.#found('answered internal-server-error', `${JSON.stringify(heard)} ${this.#lastCase}`);
    const due = this.#due.get(id);
    if (due === undefined) return;
    if (due === 0) {
      this.#found('two answers to one request', `${JSON.stringify(heard)} ${this.#lastCase}`);
      return;
    }
    this.#due.set(id, due - 1);
    this.#outstanding--;
  }

  #found(kind: string, detail: string): void {
    this.#findings.add(`${this.#options.name.replace(/\d+$/, '')}: ${kind}`, detail);
  }

  async stop(): Promise<void> {
    const wire = this.#wire;
    this.#wire = undefined;
    await wire?.finish(2000);
  }
}
