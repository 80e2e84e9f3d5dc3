const canonical = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

/**
 * Strict base64 of RFC 4648 §4: no other characters, no white space, padding only and always at the end, and its
 * bits zero (RFC 6120 §6.3.5 and §13.9.1). `null` for the rest: `incorrect-encoding`.
 */
export function decodeBase64Strict(text: string): Buffer | null {
  return text.length % 4 === 0 && canonical.test(text) ? Buffer.from(text, 'base64') : null;
}
