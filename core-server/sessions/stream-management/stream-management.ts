import { forgetOldest } from '../../../shared/forget-oldest.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import type { BareJid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { Core } from '../../core.js';
import { defineFeature } from '../../feature.js';
import type { ClientStream } from '../../streams/client-stream.js';
import type { Session } from '../session.js';
import { readCount } from './counters.js';
import { ManagedSession } from './managed-session.js';

/** How long a peer may leave `<r/>` unanswered before its connection counts as dead. */
const ANSWER_MILLISECONDS = 60_000;
/** How long unacknowledged stanzas stay unasked for. */
const ASK_MILLISECONDS = 5000;
const SWEEP_MILLISECONDS = 5000;
/** Sessions that timed out and whose last `h` is remembered (XEP-0198 §5). */
const REMEMBERED = 10_000;

/** Stream management on client streams: acknowledgements and resumption (XEP-0198). */
export const streamManagement = defineFeature({
  name: 'stream management',
  xeps: [{ id: '0198', version: '1.6.3', status: 'complete' }],
  metrics: [
    { name: 'resumptions_total', kind: 'counter', help: 'Resumptions asked for', labels: ['outcome'] },
    { name: 'sessions_hibernating', kind: 'gauge', help: 'Sessions that wait for a stream' },
  ],
  setup(core) {
    const registry = new ManagedSessions(core);
    core.streamManagement = registry;
    core.streamFeatures.add({
      name: 'stream management',
      namespaces: [NS.streamManagement],
      offer: (stream) =>
        // also on a stream that Bind 2 has bound, as long as it can be enabled
        stream.account === null || registry.of(stream.session) !== undefined
          ? null
          : `<sm xmlns='${NS.streamManagement}'/>`,
      receive(stream, element) {
        switch (element.name) {
          case 'enable':
            // XEP-0198 §3: a client asks once
            if (registry.of(stream.session) !== undefined)
              return stream.fail('policy-violation', 'stream management is enabled already');
            stream.send(registry.enable(stream, element));
            return;
          case 'resume':
            registry.resume(stream, element);
            return;
          case 'r':
            registry.of(stream.session)?.answer();
            return;
          case 'a':
            registry.acknowledged(stream, element);
            return;
          default:
            stream.fail('unsupported-stanza-type');
        }
      },
    });
  },
});

/** Every session of this process that has stream management. */
export class ManagedSessions {
  readonly #core: Core;
  readonly #bySession = new Map<Session, ManagedSession>();
  readonly #byId = new Map<string, ManagedSession>();
  readonly #expired = new Map<string, { account: BareJid; h: number }>();
  readonly #outcomes;

  constructor(core: Core) {
    this.#core = core;
    this.#outcomes = core.metrics.counter('resumptions_total', 'Resumptions asked for', ['outcome']);
    core.metrics.observedGauge('sessions_hibernating', 'Sessions that wait for a stream', () => {
      let count = 0;
      for (const managed of this.#byId.values()) if (managed.session.stream === null) count++;
      return count;
    });
    core.hooks.streamLost.add(50, (session, end) => {
      if (end.how === 'closed') this.#bySession.get(session)?.closing();
      return undefined;
    });
    core.hooks.streamLost.add(
      100,
      (session, end) => end.how !== 'closed' && this.#hibernate(session, end.reason),
    );
    core.hooks.sessionEnded.on((session) => this.#forget(session));
    setInterval(() => this.#sweep(), SWEEP_MILLISECONDS).unref();
  }

  of(session: Session | null): ManagedSession | undefined {
    return session === null ? undefined : this.#bySession.get(session);
  }

  /** XEP-0198 §3. Returns the answer: `<enabled/>` or `<failed/>`. */
  enable(stream: ClientStream, request: Stanza): string {
    const session = stream.session;
    // §3: only once, and only after binding
    if (session === null || this.#bySession.has(session)) return failed('unexpected-request');
    const seconds = this.#secondsFor(request.attribute('max'));
    const wants = request.attribute('resume');
    const managed = new ManagedSession(session, wants === 'true' || wants === '1' ? seconds : 0);
    this.#bySession.set(session, managed);
    if (managed.resumptionId === null) return `<enabled xmlns='${NS.streamManagement}'/>`;
    this.#byId.set(managed.resumptionId, managed);
    const location = this.#core.settings.RESUMPTION_LOCATION;
    return (
      `<enabled xmlns='${NS.streamManagement}' id='${managed.resumptionId}' resume='true' max='${seconds}'` +
      `${location === undefined ? '' : ` location='${location}'`}/>`
    );
  }

  /** How long a session waits: what the operator allows, or less where the client prefers that (XEP-0198 §3). */
  #secondsFor(preferred: string | undefined): number {
    const most = this.#core.settings.RESUMPTION_SECONDS;
    return preferred !== undefined && /^[1-9]\d{0,8}$/.test(preferred)
      ? Math.min(most, Number(preferred))
      : most;
  }

  /** XEP-0198 §5, on a stream that is authenticated and not bound. */
  resume(stream: ClientStream, request: Stanza): void {
    if (stream.account === null) return stream.fail('not-authorized');
    if (stream.session !== null) return stream.send(failed('unexpected-request'));
    const outcome = this.take(stream, request);
    if (typeof outcome === 'string') return stream.send(outcome);
    if (outcome === null) return;
    stream.send(outcome.resumed);
    this.replay(stream, outcome.managed);
  }

  /**
   * Takes over the session that a `<resume/>` names. A string is the `<failed/>` to answer; null when the stream was
   * ended with an error; else the `<resumed/>` to send, after which {@link replay} must be called.
   */
  take(stream: ClientStream, request: Stanza): string | { resumed: string; managed: ManagedSession } | null {
    const id = request.attribute('previd') ?? '';
    const h = readCount(request.attribute('h'));
    const account = stream.account;
    const managed = this.#byId.get(id);
    // somebody else's id is as unknown as one that never was
    if (
      managed === undefined ||
      account === null ||
      managed.session.account.bare !== account.bare ||
      h === null
    ) {
      this.#outcomes.inc(1, { outcome: 'failed' });
      const former = this.#expired.get(id);
      return failed(
        'item-not-found',
        former !== undefined && former.account === account?.bare ? former.h : undefined,
      );
    }
    const { session } = managed;
    if (!managed.acknowledged(h)) {
      managed.countTooHigh(stream, h);
      return null;
    }
    const former = session.stream;
    session.stream = null;
    // §5: the stream that still had the session hears `conflict`
    former?.fail('conflict', 'the session was resumed on another stream');
    if (managed.hibernation !== null) clearTimeout(managed.hibernation);
    managed.hibernation = null;
    managed.askedAt = null;
    session.outbound.rewind();
    session.inbound.resumed();
    this.#outcomes.inc(1, { outcome: 'resumed' });
    return { resumed: `<resumed xmlns='${NS.streamManagement}' previd='${id}' h='${managed.h}'/>`, managed };
  }

  /** Lends the stream to the resumed session and sends what was not acknowledged, then what waited. */
  replay(stream: ClientStream, managed: ManagedSession): void {
    const { session } = managed;
    session.stream = stream;
    stream.bound(session);
    session.drained();
    this.#core.hooks.sessionResumed.emit(session);
  }

  acknowledged(stream: ClientStream, element: Stanza): void {
    const managed = this.of(stream.session);
    if (managed === undefined) return;
    const h = readCount(element.attribute('h'));
    if (h === null) return stream.fail('bad-format', "'h' is not a number");
    if (!managed.acknowledged(h)) managed.countTooHigh(stream, h);
  }

  /** Keeps a session whose connection broke for the time that was promised. */
  #hibernate(session: Session, reason: string): boolean {
    const managed = this.#bySession.get(session);
    if (managed?.resumptionId == null || !resumableAfter(reason)) return false;
    session.stream = null;
    managed.askedAt = null;
    managed.hibernation = setTimeout(
      () => this.#core.sessions.end(session),
      managed.resumptionSeconds * 1000,
    );
    managed.hibernation.unref();
    session.onOverfull = () => this.#core.sessions.end(session);
    this.#core.hooks.sessionHibernating.emit(session);
    this.#core.log.debug(
      { code: 'c2s.hibernating', session: session.id, reason },
      'the session waits for its client',
    );
    return true;
  }

  #forget(session: Session): void {
    const managed = this.#bySession.get(session);
    if (managed === undefined) return;
    this.#bySession.delete(session);
    if (managed.hibernation !== null) clearTimeout(managed.hibernation);
    if (managed.resumptionId === null) return;
    this.#byId.delete(managed.resumptionId);
    this.#expired.set(managed.resumptionId, { account: session.account.bare, h: managed.h });
    forgetOldest(this.#expired, REMEMBERED);
  }

  /** Finds peers that fell silent, and asks those that were sent something for their count. */
  #sweep(): void {
    const now = performance.now();
    for (const managed of this.#bySession.values()) {
      const stream = managed.session.stream;
      if (stream === null) continue;
      if (managed.askedAt !== null) {
        if (now - managed.askedAt > ANSWER_MILLISECONDS) stream.destroy();
      } else if (
        managed.session.outbound.unacknowledged > 0 &&
        now - managed.lastAcknowledged > ASK_MILLISECONDS
      ) {
        managed.ask();
      }
    }
  }
}

/** After a stream error of ours only a broken or silent connection can be resumed, not a peer that misbehaved. */
function resumableAfter(reason: string): boolean {
  return !STREAM_ERRORS_THAT_END.has(reason);
}
const STREAM_ERRORS_THAT_END = new Set([
  'invalid-from',
  'policy-violation',
  'resource-constraint',
  'not-authorized',
  'bad-format',
  'undefined-condition',
  'unsupported-stanza-type',
  'conflict',
]);

function failed(condition: string, h?: number): string {
  return (
    `<failed xmlns='${NS.streamManagement}'${h === undefined ? '' : ` h='${h}'`}>` +
    `<${condition} xmlns='${NS.stanzaErrors}'/></failed>`
  );
}
