import { escapeAttribute } from '../../shared/xml/escape.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { OutgoingHeader } from './transport.js';

/** A stream header of ours as it goes over a socket (RFC 6120 §4.7). */
export function headerText(header: OutgoingHeader): string {
  const attribute = (name: string, value: string | undefined) =>
    value === undefined ? '' : ` ${name}='${escapeAttribute(value)}'`;
  return (
    `<?xml version='1.0'?><stream:stream xmlns='${header.contentNamespace}' xmlns:stream='${NS.streams}'` +
    (header.declarations === undefined ? '' : ` ${header.declarations}`) +
    attribute('id', header.id) +
    attribute('from', header.from) +
    attribute('to', header.to) +
    attribute('version', header.version) +
    attribute('xml:lang', header.lang) +
    '>'
  );
}
