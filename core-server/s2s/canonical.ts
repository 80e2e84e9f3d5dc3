import type { Stanza } from '../../shared/xml/stanza.js';

/**
 * The stanza with its addresses as RFC 7622 §4 has a server pass them on to another domain, and take them from there: in
 * the mapped form. A server that leaves a final dot or an A-label as they are would end the whole stream for one such
 * address. The same stanza where there is nothing to map.
 */
export function withCanonicalAddresses(stanza: Stanza): Stanza {
  const { fromJid: from, toJid: to } = stanza;
  if (!from || !to || (from.full === stanza.from && to.full === stanza.to)) return stanza;
  return stanza.readdress({ from: from.full, to: to.full });
}

/** The stanza in the language that its sender's stream declares, where it names none itself (RFC 6120 §8.1.5). */
export function inLanguageOf(stream: string | undefined, stanza: Stanza): Stanza {
  // our own streams say English, so that needs no words
  if (stream === undefined || stanza.lang !== undefined || stream.toLowerCase() === 'en') return stanza;
  return stanza.readdress({ lang: stream });
}
