import { createHash } from 'node:crypto';
import type { BodyRequest } from './body-request.js';

/** Checks the keys of one session (XEP-0124 §"Protecting Insecure Sessions"). */
export class KeySequence {
  /** What the next key must hash to, lower case; undefined where the session uses no keys. */
  #expected: string | undefined;

  constructor(newkey: string | undefined) {
    this.#expected = newkey?.toLowerCase();
  }

  /** Whether the next request in order carries the right key; goes on to the next one if it does. */
  accept(request: Pick<BodyRequest, 'key' | 'newkey'>): boolean {
    const { key, newkey } = request;
    if (this.#expected === undefined) {
      // What counts is the `newkey` of the previous request, whether that was the first or not.
      if (newkey !== undefined && isKey(newkey)) this.#expected = newkey.toLowerCase();
      return true;
    }
    if (key === undefined || !isKey(key)) return false;
    if (newkey !== undefined && !isKey(newkey)) return false;
    // The digest is of the hexadecimal text as the client wrote it: K(n) = hex(SHA-1(K(n-1))).
    if (!this.#matches(key)) return false;
    this.#expected = (newkey ?? key).toLowerCase();
    return true;
  }

  /** Case is not significant in the comparison, but it is to SHA-1: a client may have hashed either form. */
  #matches(key: string): boolean {
    return [key, key.toLowerCase(), key.toUpperCase()].some(
      (form) => createHash('sha1').update(form).digest('hex') === this.#expected,
    );
  }
}

/** Whether a text can be a key: a SHA-1 digest in hexadecimal. */
export function isKey(text: string): boolean {
  return /^[0-9a-fA-F]{40}$/.test(text);
}
