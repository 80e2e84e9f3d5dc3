import { escapeAttribute } from './escape.js';
import { isContentNamespace } from './names.js';
import type { Stanza } from './stanza.js';

/**
 * A first-level element as text that stands alone: it declares every namespace and prefix it uses (RFC 7395 §3.3.3,
 * docs/protocols/client-link.md §5.2).
 */
export function selfContained(stanza: Stanza): string {
  const { text } = stanza;
  if (!isContentNamespace(stanza.namespace)) return text;
  const at = 1 + stanza.name.length;
  return `${text.slice(0, at)} xmlns='${escapeAttribute(stanza.namespace)}'${text.slice(at)}`;
}
