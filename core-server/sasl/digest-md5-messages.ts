import { decodeUtf8Strict } from './utf8.js';

/** A digest-response (RFC 2831 §2.1.2). Values for hashes are octets written as ISO 8859-1. */
export interface DigestResponse {
  /** By its charset: UTF-8 or ISO 8859-1. */
  readonly username: string;
  readonly realm: string | undefined;
  readonly nonce: string;
  readonly cnonce: string;
  readonly nc: string;
  readonly qop: string;
  readonly digestUri: string;
  readonly response: string;
  /** The octets, and the text they are in UTF-8. */
  readonly authzid: { readonly octets: string; readonly text: string } | undefined;
}

const MAXIMUM_OCTETS = 4096;
const separators = /[ \t\r\n,]*/y;
const directive = /([^\x00-\x20()<>@,;:\\"/[\]?={}\x7f]+)[ \t\r\n]*=[ \t\r\n]*/y;
const quoted = /"((?:[^"\\\x7f]|\\[\x00-\x7f])*)"/y;
const token = /[^\x00-\x20()<>@,;:\\"/[\]?={}\x7f]+/y;
const end = /[ \t\r\n]*(?:,|$)/y;
/** May not occur twice; others that are unknown are ignored. */
const SINGLE = new Set(
  'username realm nonce cnonce nc qop digest-uri response maxbuf charset cipher authzid'.split(' '),
);

/** Parses a digest-response; null when it breaks the syntax or lacks what is required. */
export function parseDigestResponse(data: Buffer): DigestResponse | null {
  if (data.length >= MAXIMUM_OCTETS) return null;
  const directives = parseDirectives(data.toString('latin1'));
  if (!directives) return null;
  const charset = directives.get('charset');
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') return null;
  const decode = (octets: string) =>
    charset === undefined ? octets : decodeUtf8Strict(Buffer.from(octets, 'latin1'));
  const rawUsername = directives.get('username');
  const rawRealm = directives.get('realm');
  const rawAuthzid = directives.get('authzid');
  const username = rawUsername === undefined ? null : decode(rawUsername);
  const realm = rawRealm === undefined ? undefined : decode(rawRealm);
  const authzid = rawAuthzid === undefined ? undefined : decodeUtf8Strict(Buffer.from(rawAuthzid, 'latin1'));
  const nonce = directives.get('nonce');
  const cnonce = directives.get('cnonce');
  const nc = directives.get('nc');
  const digestUri = directives.get('digest-uri');
  const response = directives.get('response');
  if (!username || realm === null || authzid === null) return null;
  if (nonce === undefined || !cnonce || digestUri === undefined) return null;
  if (!nc || !/^[0-9a-f]{8}$/.test(nc) || !response || !/^[0-9a-f]{32}$/.test(response)) return null;
  return {
    username,
    realm,
    nonce,
    cnonce,
    nc,
    qop: directives.get('qop') ?? 'auth',
    digestUri,
    response,
    authzid:
      authzid === undefined || rawAuthzid === undefined ? undefined : { octets: rawAuthzid, text: authzid },
  };
}

/** A comma-separated list of `name=value` (RFC 2831 §7.1, with empty elements). */
function parseDirectives(text: string): Map<string, string> | null {
  const found = new Map<string, string>();
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const result = pattern.exec(text);
    if (result) at = pattern.lastIndex;
    return result;
  };
  for (;;) {
    match(separators);
    if (at >= text.length) return found;
    const name = match(directive)?.[1]?.toLowerCase();
    if (name === undefined) return null;
    const value = match(quoted)?.[1]?.replace(/\\([\s\S])/g, '$1') ?? match(token)?.[0];
    if (value === undefined || !match(end)) return null;
    if (SINGLE.has(name) && found.has(name)) return null;
    found.set(name, value);
  }
}

/** A quoted-string of these characters. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
