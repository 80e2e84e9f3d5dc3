/** Namespace names the scanner itself must know (Namespaces in XML §3), and those that are neutral between streams. */
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
export const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/**
 * Whether a namespace is one of the content namespaces of XMPP streams: the same stanza is qualified by another of
 * them on each kind of stream and is re-scoped when it is routed (RFC 6120 §4.8.3; XEP-0114 §3 for components).
 */
export function isContentNamespace(namespace: string): boolean {
  return (
    namespace === 'jabber:client' ||
    namespace === 'jabber:server' ||
    namespace === 'jabber:component:accept' ||
    namespace === 'jabber:component:connect'
  );
}

/**
 * A copy that shares no memory with the text it was cut from. V8 keeps a slice as a pointer into its parent, so one
 * short slice that is kept would keep a whole chunk of input (up to 64 KiB) alive.
 */
export function detachedCopy(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, 'utf8').toString('utf8');
}

const slots = 512;
const longestInterned = 40;
const interned: string[] = new Array<string>(slots).fill('');

/**
 * The name at `text[start, end)`, taken from a table of names met before, so that the element and attribute names of a
 * stream, few and repeated, cost no allocation.
 */
export function internName(text: string, start: number, end: number): string {
  const length = end - start;
  if (length > longestInterned) return detachedCopy(text.slice(start, end));
  // Two characters and the length tell most names apart; those that share a slot only displace each other.
  const slot = (text.charCodeAt(start) * 29 + text.charCodeAt(end - 1) * 7 + length * 83) & (slots - 1);
  const known = interned[slot] as string;
  if (known.length === length && matchesAt(text, start, known)) return known;
  const name = detachedCopy(text.slice(start, end));
  interned[slot] = name;
  return name;
}

const wellKnown = [
  'jabber:client',
  'jabber:server',
  'jabber:component:accept',
  'jabber:server:dialback',
  'http://etherx.jabber.org/streams',
  'http://jabber.org/protocol/httpbind',
];

/** A namespace name to be kept as long as its stream: those every stream has are shared. */
export function keptNamespace(namespace: string): string {
  return wellKnown.find((known) => known === namespace) ?? detachedCopy(namespace);
}

/** Whether `name` stands at `text[start]`; for names, a loop is cheaper than the call of `startsWith`. */
export function matchesAt(text: string, start: number, name: string): boolean {
  const length = name.length;
  if (start + length > text.length) return false;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(start + i) !== name.charCodeAt(i)) return false;
  }
  return true;
}
