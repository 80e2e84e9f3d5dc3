/** Whether an element of this name is a stanza (RFC 6120 §8), in the content namespace of its stream. */
export function isStanzaName(name: string): boolean {
  return name === 'message' || name === 'presence' || name === 'iq';
}
