import { saslprep } from '@mongodb-js/saslprep';

/**
 * A user name or password as presented by a client: SASLprep as a query string, so unassigned code points are
 * allowed (RFC 4013, RFC 3454 §7). `null` where the preparation fails or leaves nothing (RFC 4616 §2).
 */
export function prepareQuery(text: string): string | null {
  return prepare(text, true);
}

/** A password to be stored: unassigned code points are refused (RFC 4616 §2). `null` where it cannot be stored. */
export function prepareStored(text: string): string | null {
  return prepare(text, false);
}

const printableAscii = /^[\x20-\x7e]+$/;

function prepare(text: string, allowUnassigned: boolean): string | null {
  if (printableAscii.test(text)) return text; // SASLprep leaves these as they are
  if (text === '' || /\p{Surrogate}/u.test(text)) return null;
  try {
    const prepared = saslprep(text, { allowUnassigned });
    return prepared === '' ? null : prepared;
  } catch {
    return null;
  }
}
