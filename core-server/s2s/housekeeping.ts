import type { Federation } from './federation.js';
import type { ServerStream } from './server-stream.js';

interface HousekeepingOptions {
  /** An unused stream that we opened is closed after this time. */
  readonly idleMilliseconds: number;
  /** A peer must have proved a domain by then. */
  readonly unauthenticatedMilliseconds: number;
  /** Longest time for one stanza to come in whole. */
  readonly stanzaMilliseconds: number;
}

const SWEEP_MILLISECONDS = 1000;
/** A stream that carries no stanzas (it served to verify a key) goes soon. */
const WITHOUT_STANZAS_MILLISECONDS = 30_000;
/** What is known of a pair without a stream is not worth keeping: somebody may write to a million domains. */
const FORGET_MILLISECONDS = 10_000;
/** A peer that takes nothing for so long is gone, whatever TCP says. */
const STUCK_MILLISECONDS = 60_000;
/** Times the limit for strangers that a stream may be used for nothing but questions about keys. */
const ASKING = 10;

/** Ends what is idle, stuck, or getting nowhere; gives back what has waited too long. Returns how to stop. */
export function keepHouse(federation: Federation, options: HousekeepingOptions): () => void {
  const timer = setInterval(() => sweep(federation, options, performance.now()), SWEEP_MILLISECONDS);
  timer.unref();
  return () => clearInterval(timer);
}

function sweep(federation: Federation, options: HousekeepingOptions, now: number): void {
  const used = new Set<ServerStream>();
  for (const [local, ours] of federation.pairs) {
    for (const [remote, pair] of ours) {
      pair.expire(now);
      if (pair.stream !== null) used.add(pair.stream);
      if (pair.idle && now - pair.lastUsed > FORGET_MILLISECONDS) ours.delete(remote);
    }
    if (ours.size === 0) federation.pairs.delete(local);
  }
  for (const stream of federation.outgoing) {
    if (stuck(stream, now) || slow(stream, options, now)) continue;
    const limit = used.has(stream)
      ? options.idleMilliseconds
      : Math.min(options.idleMilliseconds, WITHOUT_STANZAS_MILLISECONDS);
    // XEP-0288: a bidirectional stream is in use as long as either side uses it
    if (!stream.dialback.busy && now - stream.lastUsed > limit) stream.close();
  }
  for (const stream of federation.incoming) {
    if (stuck(stream, now) || slow(stream, options, now)) continue;
    const busy = stream.dialback.busy;
    if (stream.pairs === 0) {
      // whoever only asks about keys may stay, but not for ever
      const silence = now - Math.max(stream.openedAt, stream.lastUsed);
      const limit = options.unauthenticatedMilliseconds;
      if (!busy && (silence > limit || now - stream.openedAt > limit * ASKING)) {
        stream.fail('connection-timeout');
      }
    } else if (
      !busy &&
      now - Math.max(stream.lastUsed, stream.transport.lastReceived) > options.idleMilliseconds * 2
    ) {
      // whoever opened it should have closed it; it may be gone without a word
      stream.close();
    }
  }
}

/** XEP-0205 §2: half a stanza is kept, and so is who says the rest of it byte by byte. */
function slow(stream: ServerStream, options: HousekeepingOptions, now: number): boolean {
  const since = stream.transport.unfinishedSince;
  if (since === null || now - since < options.stanzaMilliseconds) return false;
  stream.fail('connection-timeout', 'a stanza did not come in whole');
  return true;
}

function stuck(stream: ServerStream, now: number): boolean {
  const since = stream.stuckSince;
  if (since === null || now - since < STUCK_MILLISECONDS) return false;
  stream.transport.destroy();
  return true;
}
