import { childElements, type Element, namespaceOf } from '../../../shared/xml/element.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { withoutNumber } from './conversation.js';

const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const DELAY = 'urn:xmpp:delay';
const ROSTER = 'jabber:iq:roster';
const DISCO_INFO = 'http://jabber.org/protocol/disco#info';
const MUC_USER = 'http://jabber.org/protocol/muc#user';
const DATA = 'jabber:x:data';
/** Additions that a server may make to anything, or that tell what each says in its own words. */
const additions = new Set([
  'urn:xmpp:sid:0',
  'urn:xmpp:occupant-id:0',
  'jabber:x:delay',
  'http://jabber.org/protocol/address',
  'vcard-temp:x:update',
]);
/** Answers of which only the root is compared: versions, times, and forms with the settings of each. */
const opaque = new Set(['jabber:iq:version', 'urn:xmpp:time', 'jabber:iq:register', 'urn:xmpp:sm:3']);
/** Elements whose children have no order. */
const unordered = new Set([
  ROSTER,
  DISCO_INFO,
  'http://jabber.org/protocol/disco#items',
  'http://jabber.org/protocol/muc#user',
  'http://jabber.org/protocol/muc#admin',
  'jabber:iq:privacy',
  'urn:xmpp:blocking',
]);

/**
 * A stanza as one line of text in which only that is left in which two right servers cannot differ: no ids of the server,
 * times, texts for people, codes; children without an order sorted; an error without what it answers.
 */
export function normalise(stanza: Stanza, recipient: string): string {
  const line = withoutNumber(
    write(
      stanza.element,
      'jabber:client',
      stanza.type === 'error' && stanza.hasChild('error', 'jabber:client'),
      stanza,
    ),
  );
  // Who is addressed is known; only of messages it matters whether the resource was. An account's own answers may lack `from`.
  const bare = recipient.replace(/\/.*$/, '');
  const end = line.indexOf('>');
  let start = line
    .slice(0, end)
    .replace(` to='${recipient}'`, stanza.name === 'message' ? ` to='${recipient}'` : '');
  start = start.replace(` to='${bare}'`, '');
  start = start.replace(/ type='(normal|strange)'/, '');
  if (stanza.name === 'message') start = start.replace(" id='*'", '');
  // An occupant may be told its own address.
  if (line.includes("<status code='110'/>"))
    return start + line.slice(end).replace(` jid='${recipient}'`, '');
  if (stanza.name === 'iq') start = start.replace(` from='${bare}'`, '');
  return start + line.slice(end);
}

function write(element: Element, outer: string, inError: boolean, root?: Stanza): string {
  const namespace = namespaceOf(element);
  const name = element.getName();
  const attributes = Object.entries(element.attrs as Record<string, string>)
    .filter(([key]) => key !== 'xmlns' && !key.startsWith('xmlns:') && keeps(element, namespace, key))
    .map(
      ([key, value]) => `${key}='${valueText(element, namespace, key, String(value), root !== undefined)}'`,
    )
    .sort();
  if (namespace !== outer) attributes.unshift(`xmlns='${namespace}'`);
  const start = `<${[name, ...attributes].join(' ')}`;
  const content = contentOf(element, namespace, inError, root);
  return content === '' ? `${start}/>` : `${start}>${content}</${name}>`;
}

function keeps(element: Element, namespace: string, key: string): boolean {
  if (key === 'xml:lang' || key === 'subid') return false;
  // Told or not, as one likes, unless it is a new one.
  if (key === 'nick' && namespace === MUC_USER && element.getName() === 'item') {
    return element.parent?.getChildren('status').some((status) => status.attrs['code'] === '303') === true;
  }
  if (key === 'publisher' && namespace === 'http://jabber.org/protocol/pubsub#event') return false;
  if (element.getName() === 'error') return key === 'type';
  if (namespace === ROSTER && (key === 'ver' || key === 'approved')) return false;
  if (namespace === DISCO_INFO || namespace === 'http://jabber.org/protocol/disco#items')
    return key !== 'name';
  return !(namespace === 'urn:xmpp:sm:3' && (key === 'max' || key === 'location'));
}

function valueText(element: Element, namespace: string, key: string, value: string, isRoot: boolean): string {
  if (key === 'id' && (isRoot || namespace === 'urn:xmpp:sm:3')) return /^s\d+$/.test(value) ? value : '*';
  if (key === 'stamp' || (key === 'seconds' && namespace === 'jabber:iq:last')) return '*';
  if (namespace === DELAY && element.getName() === 'delay' && key === 'from') return value;
  return value;
}

function contentOf(element: Element, namespace: string, inError: boolean, root: Stanza | undefined): string {
  if (opaque.has(namespace)) return '';
  if (namespace === DELAY) return '';
  if (namespace === DATA && element.attrs['type'] === 'form') return formOf(element);
  if (
    root === undefined &&
    namespace === 'http://jabber.org/protocol/disco#items' &&
    element.children.some((node) => typeof node === 'object' && node.attrs['jid'] === 'conference.localhost')
  )
    return '(services)';
  let nodes = element.children.filter((node) => typeof node === 'object' || node.trim() !== '');
  if (root !== undefined && inError)
    nodes = nodes.filter((node) => typeof node === 'object' && node.getName() === 'error');
  const parts = nodes
    .filter((node) => typeof node === 'string' || !isDropped(node, element, root))
    .map((node) => (typeof node === 'string' ? node : write(node, namespace, inError)));
  const sorted = unordered.has(namespace) || root !== undefined || element.getName() === 'error';
  return (sorted ? parts.sort() : parts).join('');
}

function isDropped(node: Element, parent: Element, root: Stanza | undefined): boolean {
  const namespace = namespaceOf(node);
  const name = node.getName();
  if (additions.has(namespace)) return true;
  if (name === 'actor' && namespace === MUC_USER) return true;
  if (namespace === DELAY && root?.name === 'presence') return true;
  if (name === 'text' && (namespace === STANZAS || namespace.endsWith('xmpp-streams'))) return true;
  if (namespaceOf(parent) === DISCO_INFO) return name !== 'identity';
  // What a server says of somebody who is gone; clients of a conversation say `status1` and the like.
  if (root?.type === 'unavailable' && name === 'status') return !/^status\d/.test(node.getText());
  return false;
}

/** Each server offers fields of its own: what it is for is enough. */
function formOf(form: Element): string {
  const type = childElements(form).find((field) => field.attrs['var'] === 'FORM_TYPE');
  return type?.getChildText('value') ?? '';
}
