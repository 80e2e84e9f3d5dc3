import { textOfOctets } from './lua.js';

/** The name of a file of Prosody's, decoded: it writes everything but letters and digits as `%xx`. */
export function decodeName(name: string): string {
  const octets = name.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return textOfOctets(octets);
}

/** The same the other way. */
export function encodeName(name: string): string {
  return [...Buffer.from(name)]
    .map((octet) => String.fromCharCode(octet))
    .map((character) =>
      /[A-Za-z0-9]/.test(character) ? character : `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
    .join('');
}
