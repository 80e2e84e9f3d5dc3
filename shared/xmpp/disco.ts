import { childElements, clone, type Element, xml } from '../xml/element.js';
import { NS } from './namespaces.js';

/** Service discovery (XEP-0030) and its extension forms (XEP-0128): what is said, and how it is read. */

export interface Identity {
  readonly category: string;
  readonly type: string;
  readonly name?: string | undefined;
  readonly lang?: string | undefined;
}

export interface DiscoInfo {
  readonly identities: readonly Identity[];
  readonly features: readonly string[];
  /** Extension forms, each a `jabber:x:data` of type result with a hidden FORM_TYPE (XEP-0128 §2). */
  readonly forms: readonly Element[];
}

export interface DiscoItem {
  readonly jid: string;
  readonly node?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * A disco#info answer; `node` must be the node that was asked about (XEP-0030 §3.2). What is said twice is left out: it
 * would make the answer ill-formed for who computes a hash of it (XEP-0115 §5.4).
 */
export function infoElement(info: Partial<DiscoInfo>, node?: string): Element {
  const identities = new Map<string, Identity>();
  for (const identity of info.identities ?? []) {
    const key = [identity.category, identity.type, identity.lang ?? ''].join('\0');
    if (!identities.has(key)) identities.set(key, identity);
  }
  return xml(
    'query',
    { xmlns: NS.discoInfo, node },
    ...Array.from(identities.values(), ({ category, type, name, lang }) =>
      xml('identity', { category, type, name, 'xml:lang': lang }),
    ),
    ...Array.from(new Set(info.features), (feature) => xml('feature', { var: feature })),
    ...(info.forms ?? []).map(clone),
  );
}

/** Reads a disco#info answer as it is, repetitions included; what lacks its required attributes is left out. */
export function parseInfo(query: Element): DiscoInfo {
  const identities: Identity[] = [];
  const features: string[] = [];
  const forms: Element[] = [];
  for (const child of childElements(query)) {
    const { category, type, name, var: feature, 'xml:lang': lang } = child.attrs;
    if (child.is('x', NS.dataForms)) forms.push(child);
    else if (child.is('identity', NS.discoInfo) && category !== undefined && type !== undefined) {
      identities.push({ category, type, name, lang });
    } else if (child.is('feature', NS.discoInfo) && feature !== undefined) features.push(feature);
  }
  return { identities, features, forms };
}

/** A disco#items answer; `node` must be the node that was asked about, `resultSet` the page's `<set/>` (XEP-0059) if it is one. */
export function itemsElement(items: readonly DiscoItem[], node?: string, resultSet?: Element): Element {
  return xml(
    'query',
    { xmlns: NS.discoItems, node },
    ...items.map((item) => xml('item', { jid: item.jid, node: item.node, name: item.name })),
    resultSet,
  );
}
