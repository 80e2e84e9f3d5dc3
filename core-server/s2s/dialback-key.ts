import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Makes and checks dialback keys (XEP-0185); every process that answers for the same domains needs the same secret. */
export class DialbackKeys {
  /** SHA256(Secret), hexadecimal, as XEP-0185 §2 notes 2 and 4 want it. */
  readonly #hashedSecret: string;

  constructor(secret: string) {
    this.#hashedSecret = createHash('sha256').update(secret, 'utf8').digest('hex');
  }

  /** The key with which `originating` asks `receiving` on the stream that the latter named `streamId`. */
  make(receiving: string, originating: string, streamId: string): string {
    return createHmac('sha256', this.#hashedSecret)
      .update(`${receiving} ${originating} ${streamId}`, 'utf8')
      .digest('hex');
  }

  /** Whether a key is the one that {@link make} gives. */
  check(key: string, receiving: string, originating: string, streamId: string): boolean {
    const expected = Buffer.from(this.make(receiving, originating, streamId), 'latin1');
    const given = Buffer.from(key, 'utf8');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}
