import { randomBytes } from 'node:crypto';
import type { Stanza } from '../xml/stanza.js';
import { parseJid } from '../xmpp/jid.js';
import { StanzaError } from '../xmpp/stanza-error.js';

interface PendingRequest {
  readonly resolve: (answer: Stanza) => void;
  readonly reject: (error: StanzaError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Our own IQ requests and their answers. An answer counts only from whom the request went to (RFC 6120 §8.2.3): matching
 * by `id` alone would let anyone who guesses it answer for anyone else.
 */
export class IqTracker {
  private readonly pending = new Map<string, PendingRequest>();
  private readonly prefix = randomBytes(6).toString('base64url');
  private counter = 0;

  get size(): number {
    return this.pending.size;
  }

  /** An `id` that nobody else can guess and that is not used again. */
  nextId(): string {
    this.counter += 1;
    return `${this.prefix}-${this.counter.toString(36)}`;
  }

  /** Waits for the answer to a request that is about to be sent. */
  expect(request: { id: string; from: string; to: string; timeoutMilliseconds: number }): Promise<Stanza> {
    const key = keyOf(request.id, request.to, request.from);
    return new Promise((resolve, reject) => {
      if (this.pending.has(key)) {
        reject(new StanzaError('conflict', { text: 'this id is in use' }));
        return;
      }
      const timer = setTimeout(() => {
        this.pending.delete(key);
        reject(new StanzaError('remote-server-timeout', { text: 'no answer in time' }));
      }, request.timeoutMilliseconds);
      this.pending.set(key, { resolve, reject, timer });
    });
  }

  /** Gives up on one request that could not be sent. */
  cancel(request: { id: string; from: string; to: string }, error: StanzaError): void {
    this.take(keyOf(request.id, request.to, request.from))?.reject(error);
  }

  /** Takes an IQ result or error if it answers one of our requests. */
  answer(iq: Stanza): boolean {
    const { id, from, to } = iq;
    if (this.pending.size === 0 || id === undefined || from === undefined || to === undefined) return false;
    const request = this.take(keyOf(id, from, to));
    if (request === undefined) return false;
    if (iq.type === 'error') request.reject(StanzaError.fromStanza(iq));
    else request.resolve(iq);
    return true;
  }

  /** The stream is lost, and all answers with it. */
  failAll(error: StanzaError): void {
    for (const key of [...this.pending.keys()]) this.take(key)?.reject(error);
  }

  private take(key: string): PendingRequest | undefined {
    const request = this.pending.get(key);
    if (request === undefined) return undefined;
    this.pending.delete(key);
    clearTimeout(request.timer);
    return request;
  }
}

/** Addresses are compared prepared, since a server may answer `Juliet@Example.COM` as `juliet@example.com`. */
function keyOf(id: string, responder: string, requester: string): string {
  const from = parseJid(responder)?.full ?? responder;
  const to = parseJid(requester)?.full ?? requester;
  return `${id}\0${from}\0${to}`;
}
