import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import { hasRightToLeft, satisfiesBidiRule } from './bidi.js';
import { contextAllows, idnaProperty } from './code-points.js';
import { lowerCase, mapWidth } from './precis.js';

/**
 * Domainparts: RFC 7622 §3.2 on IDNA2008 (RFC 5890–5893) with the mappings of RFC 5895. The result has NR-LDH labels and
 * U-labels only, in lower case, without a final dot; an IPv6 address keeps its brackets and is in the form of RFC 5952.
 * Null where the text is no domainpart.
 */
export function preparedDomain(text: string): string | null {
  // §3.2: a final dot goes before any other step; the ideographic dots are the same separator (RFC 5895 §2.4).
  const stripped = /[.\u3002\uFF0E\uFF61]$/.test(text) ? text.slice(0, -1) : text;
  if (stripped === '') return null;
  if (stripped.startsWith('[')) return ipv6Literal(stripped);
  const mapped = isAscii(stripped) ? stripped.toLowerCase() : mapLabels(stripped);
  const labels: string[] = [];
  let foreign = false;
  for (const label of mapped.split('.')) {
    const unicode = label.startsWith('xn--') ? toULabel(label) : label;
    if (unicode === null || !(isAscii(unicode) ? isNrLdhLabel(unicode) : isULabel(unicode))) return null;
    foreign ||= !isAscii(unicode);
    labels.push(unicode);
  }
  const domain = labels.join('.');
  if (hasRightToLeft(domain) && !labels.every(satisfiesBidiRule)) return null; // RFC 5893 §1.4: all labels of such a name
  if (looksNumeric(labels.at(-1) ?? '') && !isIPv4(domain)) return null;
  const wire = foreign ? domainToASCII(domain) : domain;
  // RFC 1034 §3.1: 255 octets on the wire are 253 characters without the final dot.
  return wire === '' || wire.length > 253 || wire.split('.').some((label) => label.length > 63)
    ? null
    : domain;
}

/**
 * RFC 5895 §2: lower case, width, NFC, and the ideographic full stop as separator. Cherokee folds the other way: there the
 * capitals are what a U-label may hold (RFC 5892 §2.2).
 */
function mapLabels(text: string): string {
  return mapWidth(text)
    .replace(/\p{Changes_When_NFKC_Casefolded}/gu, (char) =>
      /\p{Script=Cherokee}/u.test(char) ? char.toUpperCase() : lowerCase(char),
    )
    .normalize('NFC')
    .replaceAll('\u3002', '.');
}

/** NR-LDH (RFC 5890 §2.3.1): letters, digits, inner hyphens, and none of the reserved `??--`. */
function isNrLdhLabel(label: string): boolean {
  return /^[0-9a-z](?:[-0-9a-z]*[0-9a-z])?$/.test(label) && label.slice(2, 4) !== '--';
}

/** A U-label's own conditions (RFC 5891 §4.2): hyphens, no leading mark, code points, contextual rules; Bidi is the name's. */
function isULabel(label: string): boolean {
  if (label.startsWith('-') || label.endsWith('-') || label.slice(2, 4) === '--') return false;
  if (/^\p{M}/u.test(label) || label.normalize('NFC') !== label) return false;
  const string = Array.from(label, (char) => char.codePointAt(0) ?? 0);
  return string.every((cp, index) => {
    const property = idnaProperty(cp);
    if (property === 'CONTEXTJ' || property === 'CONTEXTO') return contextAllows(string, index);
    return property === 'PVALID';
  });
}

/** RFC 7622 §3.2.1: an A-label becomes its U-label; null unless the two convert into each other (RFC 5890 §2.3.2.1). */
function toULabel(label: string): string | null {
  const unicode = domainToUnicode(label);
  return isAscii(unicode) || domainToASCII(unicode) !== label ? null : unicode;
}

/** Such names are IPv4 addresses in the shorthands that resolvers understand (`1.2`, `0x7f.1`): only the full form is one. */
function looksNumeric(label: string): boolean {
  return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(label);
}

/** RFC 6874: `[address]` or `[address%25zone]`; the address in the canonical form of RFC 5952. */
function ipv6Literal(text: string): string | null {
  const match = /^\[([0-9A-Fa-f:.]+)(%25[-._~0-9A-Za-z]+)?\]$/.exec(text);
  const address = match?.[1];
  if (address === undefined || !isIPv6(address)) return null;
  return `[${domainToASCII(`[${address}]`).slice(1, -1)}${match?.[2] ?? ''}]`;
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7F]*$/.test(text);
}
