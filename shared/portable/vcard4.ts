import { child, childElements, children, type Element, textOf, xml } from '../xml/element.js';
import { NS } from '../xmpp/namespaces.js';

/** Elements whose value is one text in both forms: name, and the type of its value (RFC 6351). */
const SIMPLE: Readonly<Record<string, string>> = {
  nickname: 'text',
  title: 'text',
  role: 'text',
  categories: 'text',
  note: 'text',
  url: 'uri',
  bday: 'date',
};

/**
 * A vCard4 (XEP-0292) as vcard-temp (XEP-0054), for servers that keep the one and serve the other (Prosody's
 * `mod_vcard_legacy`); with what the avatar nodes hold (XEP-0084) as its photo.
 */
export function vcardTempOf(
  vcard4: Element | undefined,
  photo?: { readonly type: string; readonly base64: string },
): Element {
  const vcard = xml('vCard', { xmlns: NS.vcard });
  const text = (element: Element | undefined, name: string): string =>
    textOf(element && child(element, name));
  const add = (name: string, ...parts: readonly (readonly [string, string])[]): void => {
    const given = parts.filter(([, value]) => value !== '');
    vcard.append(xml(name, {}, ...given.map(([part, value]) => xml(part, {}, value))));
  };
  for (const element of vcard4 === undefined ? [] : childElements(vcard4)) {
    const name = element.getName();
    const simple = SIMPLE[name];
    const kinds = kindsOf(element);
    const marks = (['HOME', 'WORK'] as const).filter((mark) => kinds.includes(mark.toLowerCase()));
    const before = vcard.children.length;
    if (simple !== undefined) vcard.append(xml(name.toUpperCase(), {}, text(element, simple)));
    else if (name === 'fn') vcard.append(xml('FN', {}, text(element, 'text')));
    else if (name === 'n')
      add(
        'N',
        ['FAMILY', text(element, 'surname')],
        ['GIVEN', text(element, 'given')],
        ['MIDDLE', text(element, 'additional')],
        ['PREFIX', text(element, 'prefix')],
        ['SUFFIX', text(element, 'suffix')],
      );
    else if (name === 'email') add('EMAIL', ['USERID', text(element, 'text')]);
    else if (name === 'tel')
      add('TEL', ['NUMBER', text(element, 'text') || text(element, 'uri').replace(/^tel:/, '')]);
    else if (name === 'org') add('ORG', ['ORGNAME', text(element, 'text')]);
    else if (name === 'adr')
      add(
        'ADR',
        ['POBOX', text(element, 'pobox')],
        ['EXTADD', text(element, 'ext')],
        ['STREET', text(element, 'street')],
        ['LOCALITY', text(element, 'locality')],
        ['REGION', text(element, 'region')],
        ['PCODE', text(element, 'code')],
        ['CTRY', text(element, 'country')],
      );
    const made = vcard.children[before];
    if (typeof made === 'object' && ['email', 'tel', 'adr'].includes(name))
      for (const mark of marks) made.append(xml(mark));
  }
  if (photo !== undefined) add('PHOTO', ['TYPE', photo.type], ['BINVAL', photo.base64]);
  return vcard;
}

function kindsOf(element: Element): string[] {
  const parameters = child(element, 'parameters');
  const type = parameters && child(parameters, 'type');
  return type === undefined ? [] : children(type, 'text').map(textOf);
}
