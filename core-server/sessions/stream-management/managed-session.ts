import { randomBytes } from 'node:crypto';
import { xml } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { ClientStream } from '../../streams/client-stream.js';
import { afterWrites, flushNow } from '../../streams/write-scheduler.js';
import type { Session } from '../session.js';
import { newlyAcknowledged, wireCount } from './counters.js';

/** After so many unacknowledged stanzas the client is asked for its count. */
const ASK_AFTER = 8;

/** What XEP-0198 adds to one session that has enabled it. */
export class ManagedSession {
  readonly session: Session;
  /** Null where the client did not ask for resumption. */
  readonly resumptionId: string | null;
  /** How long it may be without a stream. */
  readonly resumptionSeconds: number;
  /** When it was asked for its count and has not answered, in `performance.now()` milliseconds. */
  askedAt: number | null = null;
  lastAcknowledged = performance.now();
  /** Runs while the session has no stream. */
  hibernation: NodeJS.Timeout | null = null;
  #askedFor = 0;
  /** An answer was given that left out stanzas that were not durable yet. */
  #owed = false;
  /** Answers that are due at the end of this turn, and who asked. */
  #answers: { readonly h: number; readonly asked: Session['stream'] }[] = [];

  /** `resumptionSeconds`: 0 where it cannot be resumed. */
  constructor(session: Session, resumptionSeconds: number) {
    this.session = session;
    // long, so that nobody can guess another's (XEP-0198 §10)
    this.resumptionSeconds = resumptionSeconds;
    this.resumptionId = resumptionSeconds > 0 ? randomBytes(24).toString('base64url') : null;
    session.inbound.restart();
    session.outbound.keepUntilAcknowledged();
    session.onSent = () => this.#sent();
    session.inbound.onProgress = () => this.#handledMore();
  }

  /** `h` towards the client: handled without a gap (docs/architecture.md, "What is acknowledged"). */
  get h(): number {
    return wireCount(this.session.inbound.handled);
  }

  /**
   * Answers `<r/>`, when what it acknowledges has left this process for those who are connected; when something is not
   * durable yet, a second answer follows once it is.
   */
  answer(): void {
    const { inbound, stream } = this.session;
    this.#answers.push({ h: this.h, asked: stream });
    this.#owed = inbound.handled < inbound.received;
    if (this.#answers.length === 1) afterWrites(() => this.#answerNow());
  }

  #answerNow(): void {
    const answers = this.#answers;
    this.#answers = [];
    const { stream } = this.session;
    if (stream === null) return;
    // §4: each <r/> has its <a/>, with what was handled when it came. To the stream of before a resumption <resumed/> has
    // said more.
    const text = answers
      .filter(({ asked }) => asked === stream)
      .map(({ h }) => `<a xmlns='${NS.streamManagement}' h='${h}'/>`)
      .join('');
    if (text !== '') stream.send(text);
  }

  /** The client closes its stream: it gets the answer that it may wait for before ours is closed. */
  closing(): void {
    if (this.#answers.length > 0) flushNow();
  }

  /** Takes an `h` of the client. False when it is impossible (XEP-0198 §4: handled-count-too-high). */
  acknowledged(h: number): boolean {
    const { outbound } = this.session;
    const count = newlyAcknowledged(h, outbound.sentCount, outbound.acknowledgedCount);
    if (count === null) return false;
    outbound.acknowledge(count);
    this.askedAt = null;
    this.lastAcknowledged = performance.now();
    if (outbound.unacknowledged >= ASK_AFTER) this.ask();
    return true;
  }

  /** Asks the client for its count. */
  ask(): void {
    if (this.askedAt !== null || this.session.stream === null) return;
    this.askedAt = performance.now();
    this.#askedFor = this.session.outbound.sentCount;
    this.session.stream.send(`<r xmlns='${NS.streamManagement}'/>`);
  }

  /** The application-specific condition of XEP-0198 §4. */
  countTooHigh(stream: ClientStream, h: number): void {
    stream.fail(
      'undefined-condition',
      'you acknowledged more than was sent',
      xml('handled-count-too-high', {
        xmlns: NS.streamManagement,
        h: String(h),
        'send-count': String(wireCount(this.session.outbound.sentCount)),
      }),
    );
  }

  #sent(): void {
    if (this.askedAt === null && this.session.outbound.sentCount - this.#askedFor >= ASK_AFTER) this.ask();
  }

  #handledMore(): void {
    if (this.#owed) this.answer();
  }
}
