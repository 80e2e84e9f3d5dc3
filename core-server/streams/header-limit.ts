import type { StreamHeader } from '../../shared/xml/stream-parser.js';

/** Far more than any client, server or component declares on its stream. */
const mostCharacters = 1_024;

/**
 * Whether a stream header declares more prefixes than it may. Each stanza that uses one carries the declaration on to its
 * addressees, so a long one would make a few bytes of input any number of bytes of output.
 */
export function declaresTooMuch({ prefixes }: StreamHeader): boolean {
  let characters = 0;
  for (const [prefix, namespace] of prefixes) characters += prefix.length + namespace.length;
  return characters > mostCharacters;
}
