import type { StreamHeader } from '../../shared/xml/stream-parser.js';

/** Far more than any client, server or component declares on its stream. */
const mostCharacters = 1_024;

/**
 * Whether a stream header declares more prefixes, or a longer language, than it may. Each stanza carries the language, and
 * the prefixes that it uses, on to its addressees, so a few bytes of input would be any number of bytes of output.
 */
export function declaresTooMuch({ prefixes, lang = '' }: StreamHeader): boolean {
  let characters = lang.length;
  for (const [prefix, namespace] of prefixes) characters += prefix.length + namespace.length;
  return characters > mostCharacters;
}
