import { z } from 'zod';
import type { Storage } from '../../shared/storage/storage.js';
import { elementText } from '../../shared/storage/stored-text.js';
import { clone, type Element } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';

/** One vCard per account, and one per hosted domain. */
export interface VcardStore {
  /** Who has one. */
  owners(): AsyncIterable<string>;
  get(owner: string): Promise<Element | undefined>;
  /** Resolves when the vCard is durable. */
  put(owner: string, text: string): Promise<void>;
  remove(owner: string): Promise<void>;
}

const vcardSchema = z.object({ xml: elementText });

/** The vCards of accounts, in a storage. */
export function openVcardStore(storage: Storage): VcardStore {
  const vcards = storage.keyval({ name: 'vcards', schema: vcardSchema, schemaVersion: 1 });
  return {
    owners: () => vcards.owners(),
    async get(owner) {
      const document = await vcards.get(owner);
      return document === undefined ? undefined : Stanza.parse(document.value.xml).element;
    },
    async put(owner, text) {
      await vcards.put(owner, { xml: text });
    },
    async remove(owner) {
      await vcards.delete(owner);
    },
  };
}

/** A vCard as text that means the same anywhere: prefixes that it leans on are declared on its root. */
export function vcardText(vcard: Element): string {
  const copy = clone(vcard);
  for (const prefix of prefixesWithin(copy)) {
    const declaration = `xmlns:${prefix}`;
    const namespace = vcard.findNS(prefix);
    if (copy.attrs[declaration] === undefined && namespace !== undefined) copy.attrs[declaration] = namespace;
  }
  return writeElement(copy);
}

function prefixesWithin(element: Element, found = new Set<string>()): Set<string> {
  for (const name of [element.name, ...Object.keys(element.attrs)]) {
    const colon = name.indexOf(':');
    const prefix = colon < 0 ? '' : name.slice(0, colon);
    if (prefix !== '' && prefix !== 'xml' && prefix !== 'xmlns') found.add(prefix);
  }
  for (const node of element.children) if (typeof node === 'object') prefixesWithin(node, found);
  return found;
}
