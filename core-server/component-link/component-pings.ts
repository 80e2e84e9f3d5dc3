import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { ComponentStream } from './component-stream.js';

const PING_MILLISECONDS = 5000;

interface ComponentPingsOptions {
  /** The addresses of both ends. */
  readonly server: string;
  readonly domain: string;
  readonly streams: () => readonly ComponentStream[];
  /** A component answered something of ours after so many seconds. */
  readonly roundTrip: (seconds: number) => void;
}

/** Whether the processes of a component domain are there (XEP-0199), and how soon they answer. */
export class ComponentPings {
  /** How long the last answer took. */
  roundTripMilliseconds: number | null = null;
  readonly #options: ComponentPingsOptions;
  /** When the last answer came, or was asked for (`performance.now()`). */
  #measuredAt = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Map<string, () => void>();
  #sequence = 0;

  constructor(options: ComponentPingsOptions) {
    this.#options = options;
  }

  /** Asks for a sign of life; false where none comes in time. Any answer is one. */
  async ping(stream: ComponentStream): Promise<boolean> {
    this.#sequence++;
    const id = `entourage-ping-${this.#sequence}-${stream.id.slice(0, 8)}`;
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), PING_MILLISECONDS);
      this.#waiting.set(id, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    const { server, domain } = this.#options;
    stream.send(
      Stanza.fromElement(
        xml('iq', { type: 'get', id, from: server, to: domain }, xml('ping', { xmlns: NS.ping })),
      ).text,
    );
    const asked = performance.now();
    const alive = await answered;
    this.#waiting.delete(id);
    if (alive) this.answered(performance.now() - asked);
    return alive;
  }

  /** Takes an answer to a ping; false where it is none. */
  settle(stanza: Stanza): boolean {
    const done = stanza.id === undefined ? undefined : this.#waiting.get(stanza.id);
    if (done === undefined) return false;
    done();
    return true;
  }

  /** A request of ours was answered after so many milliseconds. */
  answered(milliseconds: number): void {
    this.roundTripMilliseconds = milliseconds;
    this.#measuredAt = performance.now();
    this.#options.roundTrip(milliseconds / 1000);
  }

  /** Asks where the last answer is older than so many milliseconds. */
  measure(milliseconds: number): void {
    const [stream] = this.#options.streams();
    if (stream === undefined) this.roundTripMilliseconds = null;
    else if (performance.now() - this.#measuredAt > milliseconds) {
      this.#measuredAt = performance.now();
      void this.ping(stream);
    }
  }

  /** Asks every stream, and drops those that are silent. */
  keepalive(): void {
    for (const stream of this.#options.streams())
      void this.ping(stream).then((alive) => alive || stream.transport.destroy());
  }
}
