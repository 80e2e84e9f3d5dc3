import { clone, type Element } from '../../../shared/xml/element.js';
import { selfContained } from '../../../shared/xml/self-contained.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { writeElement } from '../../../shared/xml/write.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { type FeaturePolicy, usableFeatures } from './features.js';
import type { ServerElement } from './upstream.js';

/** A first-level element of a server's stream as a client on the web gets it. `bytes` is what it costs in flow control. */
export function serverElement(stanza: Stanza, policy: FeaturePolicy, bytes?: number): ServerElement {
  if (stanza.namespace === NS.streams) {
    if (stanza.name === 'features') {
      const text = usableFeatures(stanza.element, policy);
      return { kind: 'features', text, bytes: bytes ?? text.length };
    }
    if (stanza.name === 'error') {
      const text = streamErrorText(stanza.element);
      return { kind: 'error', text, bytes: bytes ?? text.length };
    }
  }
  const text = selfContained(stanza);
  return { kind: 'other', text, bytes: bytes ?? Buffer.byteLength(text) };
}

/** A `<stream:error/>` with the prefix that old clients look for, declared on it. */
function streamErrorText(error: Element): string {
  let content = '';
  for (const node of error.children) if (typeof node === 'object') content += writeElement(clone(node), '');
  return `<stream:error xmlns:stream='${NS.streams}'>${content}</stream:error>`;
}
