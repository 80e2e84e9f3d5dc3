import { decodeBase64Strict } from './base64.js';
import { decodeUtf8Strict } from './utf8.js';

/** The channel binding flag of a GS2 header (RFC 5802 §6, §7). */
type Gs2Flag = { readonly kind: 'n' } | { readonly kind: 'y' } | { readonly kind: 'p'; name: string };

export interface ClientFirstMessage {
  /** The GS2 header as received, with both commas. */
  readonly gs2Header: string;
  readonly flag: Gs2Flag;
  readonly authzid: string | undefined;
  /** Unescaped, not prepared. */
  readonly username: string;
  readonly nonce: string;
  /** client-first-message-bare as received: hash calculations use it so. */
  readonly bare: string;
}

interface ClientFinalMessage {
  readonly channelBinding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  readonly withoutProof: string;
}

/** A message that breaks the syntax; `reason` is a server-error-value of RFC 5802 §7. */
interface ScramSyntaxError {
  readonly reason:
    | 'invalid-encoding'
    | 'extensions-not-supported'
    | 'invalid-username-encoding'
    | 'other-error';
}

const gs2 = /^(?:(n|y)|p=([A-Za-z0-9.-]+)),(?:a=([^,\0]+))?,/;
const saslname = /^(?:[^=,\0]|=2C|=3D)+$/;
const printable = /^[\x21-\x2b\x2d-\x7e]+$/;
const attribute = /^[A-Za-z]=[^,\0]+$/;

/** Parses a client-first-message (RFC 5802 §7). */
export function parseClientFirst(data: Buffer): ClientFirstMessage | ScramSyntaxError {
  const text = decodeUtf8Strict(data);
  if (text === null) return { reason: 'invalid-encoding' };
  const header = gs2.exec(text);
  if (!header) return { reason: 'other-error' };
  const [gs2Header, flag, name, rawAuthzid] = header;
  const bare = text.slice(gs2Header.length);
  if (bare.startsWith('m=')) return { reason: 'extensions-not-supported' };
  const [usernamePart, noncePart, ...extensions] = bare.split(',');
  if (!usernamePart?.startsWith('n=') || !noncePart?.startsWith('r=')) return { reason: 'other-error' };
  const username = unescapeName(usernamePart.slice(2));
  const authzid = rawAuthzid === undefined ? undefined : unescapeName(rawAuthzid);
  if (username === null || authzid === null) return { reason: 'invalid-username-encoding' };
  const nonce = noncePart.slice(2);
  const problem = checkExtensions(extensions);
  if (problem) return problem;
  if (!printable.test(nonce)) return { reason: 'other-error' };
  return {
    gs2Header,
    flag: name !== undefined ? { kind: 'p', name } : { kind: flag === 'y' ? 'y' : 'n' },
    authzid,
    username,
    nonce,
    bare,
  };
}

/** Parses a client-final-message (RFC 5802 §7). */
export function parseClientFinal(data: Buffer): ClientFinalMessage | ScramSyntaxError {
  const text = decodeUtf8Strict(data);
  if (text === null) return { reason: 'invalid-encoding' };
  const parts = text.split(',');
  const [bindingPart, noncePart] = parts;
  const proofPart = parts.at(-1);
  if (parts.length < 3 || !bindingPart?.startsWith('c=') || !noncePart?.startsWith('r=')) {
    return { reason: 'other-error' };
  }
  const problem = checkExtensions(parts.slice(2, -1));
  if (problem) return problem;
  if (!proofPart?.startsWith('p=')) return { reason: 'other-error' };
  const channelBinding = decodeBase64Strict(bindingPart.slice(2));
  const proof = decodeBase64Strict(proofPart.slice(2));
  if (!channelBinding || !proof) return { reason: 'invalid-encoding' };
  return {
    channelBinding,
    nonce: noncePart.slice(2),
    proof,
    withoutProof: text.slice(0, text.lastIndexOf(',')),
  };
}

/** Extensions are ignored (RFC 5802 §5.1), but mandatory ones fail, and so does what is no attribute. */
function checkExtensions(extensions: readonly string[]): ScramSyntaxError | null {
  if (extensions.some((each) => each.startsWith('m='))) return { reason: 'extensions-not-supported' };
  if (!extensions.every((each) => attribute.test(each))) return { reason: 'other-error' };
  return null;
}

/** `=2C` and `=3D` for `,` and `=`; null for any other `=` (RFC 5802 §5.1). */
function unescapeName(text: string): string | null {
  return saslname.test(text) ? text.replaceAll('=2C', ',').replaceAll('=3D', '=') : null;
}
