import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type CollectionDefinition, type Storage, StorageError } from '../../shared/storage/storage.js';
import { hmac, SALT_OCTETS, type ScramVerifier } from './credentials.js';
import { HASH_OCTETS, type ScramHash } from './password-hasher.js';

const SECRETS: CollectionDefinition<{ secret: string }> = {
  name: 'server-secrets',
  schema: z.object({ secret: z.base64().min(1) }),
  schemaVersion: 1,
};

/** A secret of this server by its purpose, made at the first call and the same ever after. */
export async function serverSecret(storage: Storage, purpose: string): Promise<Buffer> {
  const secrets = storage.keyval(SECRETS);
  const stored = await secrets.get(purpose);
  if (stored) return Buffer.from(stored.value.secret, 'base64');
  const secret = randomBytes(32);
  try {
    await secrets.put(purpose, { secret: secret.toString('base64') }, { expect: 0 });
    return secret;
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'conflict') throw error;
    return serverSecret(storage, purpose); // another process was first
  }
}

/**
 * What an account that does not exist answers with: the same salt each time, and keys that no password fits, so
 * that a stranger cannot tell it from one that does (RFC 6120 §6.5.10).
 */
export function fakeVerifier(
  secret: Buffer,
  name: string,
  hash: ScramHash,
  iterations: number,
): ScramVerifier {
  const derive = (what: string) => hmac('SHA-256', secret, `${what}\0${hash}\0${name}`);
  return {
    salt: derive('salt').subarray(0, SALT_OCTETS),
    iterations,
    storedKey: derive('stored-key').subarray(0, HASH_OCTETS[hash]),
    serverKey: derive('server-key').subarray(0, HASH_OCTETS[hash]),
  };
}
