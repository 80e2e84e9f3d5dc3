import { createHash } from 'node:crypto';
import { childElements, type Element, xml } from '../xml/element.js';
import { type DiscoInfo, infoElement, parseInfo } from './disco.js';
import { NS } from './namespaces.js';

/** Entity Capabilities (XEP-0115): the verification string of a disco#info answer, and its proof against what was advertised. */

/** Hash functions by their names on the wire (IANA's, XEP-0300's); the others cannot be verified. */
const hashFunctions: Readonly<Record<string, string>> = {
  'sha-1': 'sha1',
  'sha-224': 'sha224',
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
  'sha3-256': 'sha3-256',
  'sha3-512': 'sha3-512',
};

export interface Caps {
  readonly node: string;
  readonly ver: string;
  /** Undefined in the legacy format (§11), whose `ver` is a version and proves nothing. */
  readonly hash: string | undefined;
}

/** The `<c/>` of a presence stanza; null where there is none or it lacks `node` or `ver`. */
export function capsOf(presence: Element): Caps | null {
  const { node, ver, hash } = presence.getChild('c', NS.caps)?.attrs ?? {};
  return node === undefined || ver === undefined ? null : { node, ver, hash };
}

/** The `<c/>` to send with presence, for what disco#info at `node#ver` must then answer. */
export function capsElement(node: string, info: Partial<DiscoInfo>): Element {
  const ver = capsHash(infoElement(info));
  return xml('c', { xmlns: NS.caps, hash: 'sha-1', node, ver });
}

/** The hash of a disco#info `<query/>` in base64 (§5.1). Throws TypeError for a hash function that {@link canHash} denies. */
export function capsHash(query: Element, hash = 'sha-1'): string {
  const algorithm = Object.hasOwn(hashFunctions, hash) ? hashFunctions[hash] : undefined;
  if (algorithm === undefined) throw new TypeError(`unknown hash function: ${hash}`);
  return createHash(algorithm).update(verificationString(query)).digest('base64');
}

/** Whether this is a hash function that we know (XEP-0115 §8.1). */
export function canHash(hash: string): boolean {
  return Object.hasOwn(hashFunctions, hash);
}

/**
 * Whether a disco#info answer is what the advertisement promised (§5.4). Only `valid` may be kept for everyone who
 * advertises the same; with `unverifiable` (legacy format, unknown hash) the answer holds for that one JID only, and with
 * `ill-formed` or `mismatch` another advertiser should be asked.
 */
export function verifyCaps(caps: Caps, query: Element): 'valid' | 'mismatch' | 'ill-formed' | 'unverifiable' {
  if (caps.hash === undefined || !canHash(caps.hash)) return 'unverifiable';
  if (!isWellFormedInfo(query)) return 'ill-formed';
  return capsHash(query, caps.hash) === caps.ver ? 'valid' : 'mismatch';
}

/** §5.4 step 3.3–3.5: no identity, feature or form twice, and one type to a form. */
export function isWellFormedInfo(query: Element): boolean {
  const info = parseInfo(query);
  const identities = info.identities.map((identity) => identityString(identity));
  const formTypes: string[] = [];
  for (const form of info.forms) {
    const types = new Set(formTypeValues(form));
    if (types.size > 1) return false;
    formTypes.push(...types);
  }
  return [identities, info.features, formTypes].every((list) => new Set(list).size === list.length);
}

/** The string S of §5.1, before hashing. */
export function verificationString(query: Element): string {
  const info = parseInfo(query);
  const identities = info.identities
    .map(({ category, type, lang = '', name }) => ({ key: [category, type, lang], name }))
    .sort(
      (one, other) => one.key.map((part, i) => octets(part, other.key[i] ?? '')).find((n) => n !== 0) ?? 0,
    )
    .map(({ key, name = '' }) => [...key, name].join('/'));
  const forms = info.forms
    .map((form) => ({ form, type: formTypeValues(form)[0] }))
    .filter((entry): entry is { form: Element; type: string } => entry.type !== undefined)
    .sort((one, other) => octets(one.type, other.type));
  const parts = [
    ...identities,
    ...info.features.toSorted(octets),
    ...forms.flatMap(({ form, type }) => [type, ...formParts(form)]),
  ];
  return parts.map((part) => `${literal(part)}<`).join('');
}

function identityString({ category, type, lang = '', name = '' }: DiscoInfo['identities'][number]): string {
  return [category, type, lang, name].join('/');
}

/** The values of a hidden FORM_TYPE; none where the form has no such field, and is then ignored (§5.4 step 3.6). */
function formTypeValues(form: Element): string[] {
  const field = fieldsOf(form).find((candidate) => candidate.attrs['var'] === 'FORM_TYPE');
  return field?.attrs['type'] === 'hidden' ? valuesOf(field) : [];
}

function formParts(form: Element): string[] {
  return fieldsOf(form)
    .map((field) => ({ name: field.attrs['var'] ?? '', values: valuesOf(field) }))
    .filter(({ name }) => name !== 'FORM_TYPE')
    .sort((one, other) => octets(one.name, other.name))
    .flatMap(({ name, values }) => [name, ...values.sort(octets)]);
}

function fieldsOf(form: Element): Element[] {
  return childElements(form).filter((child) => child.is('field', NS.dataForms));
}

function valuesOf(field: Element): string[] {
  return field.getChildren('value', NS.dataForms).map((value) => value.getText());
}

/** The i;octet collation (RFC 4790 §9.3): order of the UTF-8 bytes, which differs from that of UTF-16 beyond U+FFFF. */
function octets(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** §5.4, last note: a `<` in what is hashed stays `&lt;`, else one value could pass as two. */
function literal(part: string): string {
  return part.replaceAll('<', '&lt;');
}
