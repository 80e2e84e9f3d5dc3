import { z } from 'zod';
import type { CollectionDefinition } from '../../shared/storage/storage.js';
import { type Credentials, MINIMUM_ITERATIONS, type ScramVerifier } from './credentials.js';
import type { ScramHash } from './password-hasher.js';

/** More would keep a thread busy for minutes. */
const MAXIMUM_ITERATIONS = 10_000_000;

const base64 = z.base64().min(1);

const scramVerifier = z.object({
  salt: base64,
  iterations: z.int().min(MINIMUM_ITERATIONS).max(MAXIMUM_ITERATIONS),
  storedKey: base64,
  serverKey: base64,
});

const accountDocument = z.object({
  state: z.enum(['active', 'disabled', 'removed']),
  /** Milliseconds since 1970. */
  created: z.number(),
  passwordChanged: z.number(),
  /** Refuses log-ins until the password is changed. */
  expired: z.boolean().optional(),
  scram: z.object({ 'SHA-1': scramVerifier.optional(), 'SHA-256': scramVerifier.optional() }),
  /** MD5(user ":" realm ":" password), base64. */
  digestMd5: base64.optional(),
  plain: z.string().min(1).optional(),
  /** Of a removed account: since when (milliseconds since 1970), and what still keeps data of it. */
  tombstone: z.object({ since: z.number(), pending: z.array(z.string()) }).optional(),
});

export type AccountDocument = z.infer<typeof accountDocument>;

/** Accounts, by bare JID. Contains what may let a thief log in: never log a document. */
export const ACCOUNTS: CollectionDefinition<AccountDocument> = {
  name: 'accounts',
  schema: accountDocument,
  schemaVersion: 1,
};

/** The credentials that a document keeps, as they are used. */
export function credentialsOf(document: AccountDocument): Credentials {
  const scram = new Map<ScramHash, ScramVerifier>();
  for (const hash of ['SHA-256', 'SHA-1'] as const) {
    const stored = document.scram[hash];
    if (!stored) continue;
    scram.set(hash, {
      salt: Buffer.from(stored.salt, 'base64'),
      iterations: stored.iterations,
      storedKey: Buffer.from(stored.storedKey, 'base64'),
      serverKey: Buffer.from(stored.serverKey, 'base64'),
    });
  }
  return {
    scram,
    ...(document.digestMd5 ? { digestMd5: Buffer.from(document.digestMd5, 'base64') } : {}),
    ...(document.plain === undefined ? {} : { plain: document.plain }),
  };
}

/** The part of a document that holds these credentials. */
export function storedCredentials(
  credentials: Credentials,
): Pick<AccountDocument, 'scram' | 'digestMd5' | 'plain'> {
  const scram: AccountDocument['scram'] = {};
  for (const [hash, verifier] of credentials.scram) {
    scram[hash] = {
      salt: verifier.salt.toString('base64'),
      iterations: verifier.iterations,
      storedKey: verifier.storedKey.toString('base64'),
      serverKey: verifier.serverKey.toString('base64'),
    };
  }
  return {
    scram,
    ...(credentials.digestMd5 ? { digestMd5: credentials.digestMd5.toString('base64') } : {}),
    ...(credentials.plain === undefined ? {} : { plain: credentials.plain }),
  };
}
