/** The text that validated source stands for. Input must have passed the scanner: every reference is known to be legal. */

const REFERENCE = /&(#x?)?([0-9A-Za-z]+);/g;

function referenced(_whole: string, kind: string | undefined, name: string): string {
  if (kind !== undefined) return String.fromCodePoint(Number.parseInt(name, kind === '#' ? 10 : 16));
  switch (name) {
    case 'lt':
      return '<';
    case 'gt':
      return '>';
    case 'amp':
      return '&';
    case 'apos':
      return "'";
    default:
      return '"';
  }
}

/** Character data outside CDATA: line ends (XML §2.11), then references. */
export function decodeText(source: string): string {
  const text = normaliseLines(source);
  return text.includes('&') ? text.replace(REFERENCE, referenced) : text;
}

/** Line ends as XML §2.11 has them; all that is left to do inside CDATA. */
export function normaliseLines(source: string): string {
  return source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source;
}

/** An attribute's value (XML §3.3.3): literal white space counts as a space, referenced white space as itself. */
export function decodeAttribute(source: string): string {
  if (!/[&\t\n\r]/.test(source)) return source;
  return source.replace(/\r\n|[\t\n\r]/g, ' ').replace(REFERENCE, referenced);
}
