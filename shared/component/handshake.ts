import { createHash } from 'node:crypto';

/**
 * The credentials of XEP-0114 §3: SHA-1 over stream id and secret, in lower-case hexadecimal. The text is hashed as
 * UTF-8, as servers do (the library takes one byte a character, which refuses secrets beyond ASCII).
 */
export function handshakeDigest(streamId: string, secret: string): string {
  return createHash('sha1')
    .update(streamId + secret, 'utf8')
    .digest('hex');
}
