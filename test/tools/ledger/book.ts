/** How the recipient of a message is connected; it decides what a death of the core may cost. */
export type Kind =
  | 'steady' // XEP-0198, its connection is broken only by deaths of ours
  | 'flaky' // XEP-0198, it breaks its own connection, and resumes: messages wait for it without a stream
  | 'plain' // no XEP-0198
  | 'away' // no session; comes now and then
  | 'bosh' // over BOSH
  | 'room'; // an occupant of a room

interface Entry {
  readonly id: string;
  readonly kind: Kind;
  readonly to: string;
  readonly sentAt: number;
  acknowledgedAt: number | null;
  uncertain: boolean;
  bounced: string | null;
  readonly deliveries: number[];
}

interface Span {
  readonly user: string;
  readonly from: number;
  to: number;
}

interface Death {
  readonly process: string;
  readonly at: number;
  back: number;
}

/** What may happen to a message that its sender was told is safe, or to one that came twice, and why that is allowed. */
const ALLOWED_LOSS = 'on its way to a connection that had just broken when the core died';
const ALLOWED_PLAIN = 'written to a recipient without XEP-0198 whose connection broke';
const ALLOWED_WEB = 'in the hands of the core and of bosh, which died together';
const ALLOWED_DOUBLE = 'sent again since a death came before its receipt was on record';

/** Whose death may leave a receipt unrecorded. */
const CARRIERS: Readonly<Record<Kind, readonly string[]>> = {
  steady: ['core'],
  flaky: ['core'],
  plain: ['core'],
  away: ['core'],
  bosh: ['core', 'bosh'],
  room: ['core', 'muc'],
};
/** Clients are asked for their count when something waits for it for 5 s. */
const UNRECORDED_MILLISECONDS = 10_000;

/** A connection that broke is seen to be broken within this. */
const UNSEEN_MILLISECONDS = 1000;

export interface Account {
  readonly lines: readonly string[];
  /** What no rule allows; a message each. */
  readonly violations: readonly string[];
}

/**
 * The ledger: every message that was sent, what its sender was told of it, and when it arrived. In the end it says of each
 * that was acknowledged but did not arrive, or arrived twice, which rule allows that, or that none does.
 */
export class Book {
  readonly #entries = new Map<string, Entry>();
  readonly #deaths: Death[] = [];
  readonly #apart: Span[] = [];
  readonly #openApart = new Map<string, Span>();
  #strangers = 0;

  sent(id: string, kind: Kind, to: string): void {
    this.#entries.set(id, {
      id,
      kind,
      to,
      sentAt: performance.now(),
      acknowledgedAt: null,
      uncertain: false,
      bounced: null,
      deliveries: [],
    });
  }

  acknowledged(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.acknowledgedAt ??= performance.now();
  }

  /** Its sender will not hear of it any more. */
  uncertain(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.acknowledgedAt === null) entry.uncertain = true;
  }

  bounced(id: string, condition: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.bounced ??= condition;
  }

  delivered(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) this.#strangers++;
    else entry.deliveries.push(performance.now());
  }

  died(process: string): void {
    this.#deaths.push({ process, at: performance.now(), back: Number.POSITIVE_INFINITY });
  }

  isBack(process: string): void {
    const death = this.#deaths.findLast((one) => one.process === process);
    if (death !== undefined) death.back = performance.now();
  }

  /** From now on the user has a session, but no stream. */
  apart(user: string): void {
    if (this.#openApart.has(user)) return;
    const span = { user, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.#openApart.set(user, span);
    this.#apart.push(span);
  }

  together(user: string): void {
    const span = this.#openApart.get(user);
    if (span !== undefined) span.to = performance.now();
    this.#openApart.delete(user);
  }

  get deaths(): number {
    return this.#deaths.length;
  }

  /** How many are acknowledged, not bounced, and have not arrived. */
  missing(): string[] {
    return [...this.#entries.values()]
      .filter(
        (entry) => entry.acknowledgedAt !== null && entry.bounced === null && entry.deliveries.length === 0,
      )
      .map((entry) => entry.id);
  }

  close(): Account {
    const violations: string[] = [];
    const lines: string[] = [];
    const kinds = new Map<Kind, Entry[]>();
    for (const entry of this.#entries.values())
      kinds.set(entry.kind, [...(kinds.get(entry.kind)?.splice(0) ?? []), entry]);
    for (const [kind, entries] of [...kinds].sort()) {
      const lost = new Map<string, number>();
      const doubled = new Map<string, number>();
      const count = (fits: (entry: Entry) => boolean) => entries.filter(fits).length;
      for (const entry of entries) {
        const loss = this.#lossOf(entry);
        if (loss !== null) {
          lost.set(loss.why, (lost.get(loss.why) ?? 0) + 1);
          if (!loss.allowed) violations.push(this.#describe('lost', entry));
        }
        const double = this.#doubleOf(entry);
        if (double !== null) {
          doubled.set(double.why, (doubled.get(double.why) ?? 0) + 1);
          if (!double.allowed) violations.push(this.#describe('doubled', entry));
        }
      }
      lines.push(
        `${kind}: sent ${entries.length}, acknowledged ${count((e) => e.acknowledgedAt !== null)}, ` +
          `arrived ${count((e) => e.deliveries.length > 0)}, bounced ${count((e) => e.bounced !== null)}, ` +
          `never acknowledged ${count((e) => e.acknowledgedAt === null)} ` +
          `(of these arrived ${count((e) => e.acknowledgedAt === null && e.deliveries.length > 0)})`,
      );
      for (const [why, n] of lost) lines.push(`  acknowledged, not arrived: ${n} (${why})`);
      for (const [why, n] of doubled) lines.push(`  arrived twice: ${n} (${why})`);
    }
    const deaths = new Map<string, number>();
    for (const { process } of this.#deaths) deaths.set(process, (deaths.get(process) ?? 0) + 1);
    lines.push(`deaths: ${[...deaths].map(([name, n]) => `${name} ${n}`).join(', ')}`);
    if (this.#strangers > 0) violations.push(`${this.#strangers} messages arrived that nobody sent`);
    return { lines, violations };
  }

  #lossOf(entry: Entry): { why: string; allowed: boolean } | null {
    if (entry.acknowledgedAt === null || entry.deliveries.length > 0 || entry.bounced !== null) return null;
    const spans = this.#apart.filter((span) => span.user === entry.to && span.to >= entry.sentAt);
    // the core can have taken the connection for a living one, and has not lived to see that it was not
    const unseen = spans.some(
      (span) =>
        Math.abs(entry.sentAt - span.from) < UNSEEN_MILLISECONDS &&
        this.#deaths.some(
          ({ process, at }) =>
            process === 'core' && at >= span.from && at < span.from + UNSEEN_MILLISECONDS && at < span.to,
        ),
    );
    if (entry.kind === 'flaky' && unseen) return { why: ALLOWED_LOSS, allowed: true };
    if (entry.kind === 'plain' && spans.some((span) => span.from >= entry.sentAt - 1))
      return { why: ALLOWED_PLAIN, allowed: true };
    // each of them has it in memory, so that the other may die
    if (entry.kind === 'bosh' && this.#diedTogether(entry.sentAt)) return { why: ALLOWED_WEB, allowed: true };
    return { why: 'NO RULE ALLOWS IT', allowed: false };
  }

  /** Whether the core and bosh died, right after this time, so that neither could know of the other's death. */
  #diedTogether(since: number): boolean {
    const soon = (process: string) =>
      this.#deaths.filter(
        (death) => death.process === process && Math.abs(death.at - since) < UNSEEN_MILLISECONDS,
      );
    return soon('core').some(({ at }) => at >= since) && soon('bosh').length > 0;
  }

  #doubleOf(entry: Entry): { why: string; allowed: boolean } | null {
    const [first, second] = entry.deliveries;
    if (first === undefined || second === undefined) return null;
    // who had it, and said so or was about to; the server, or what carries it, died before that was durable
    const between = this.#deaths.some(
      (death) =>
        CARRIERS[entry.kind].includes(death.process) &&
        death.at >= first - 1000 &&
        death.at <= Math.min(second, first + UNRECORDED_MILLISECONDS),
    );
    return between ? { why: ALLOWED_DOUBLE, allowed: true } : { why: 'NO RULE ALLOWS IT', allowed: false };
  }

  #describe(what: string, entry: Entry): string {
    const near = this.#deaths
      .filter((death) => death.at > entry.sentAt - 5000 && death.at < entry.sentAt + 15_000)
      .map((death) => `${death.process} died at ${time(death.at)}, back ${time(death.back)}`);
    return (
      `${what}: ${entry.id} to ${entry.to}, sent ${time(entry.sentAt)}, acknowledged ` +
      `${entry.acknowledgedAt === null ? 'never' : time(entry.acknowledgedAt)}, arrived ` +
      `${entry.deliveries.map(time).join(' and ') || 'never'}; ${near.join('; ')}`
    );
  }
}

function time(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
