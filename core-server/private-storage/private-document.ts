import { z } from 'zod';
import type { CollectionDefinition } from '../../shared/storage/storage.js';
import { elementText } from '../../shared/storage/stored-text.js';
import { type Element, namespaceOf } from '../../shared/xml/element.js';

const privateSchema = z.object({
  /** Each with a name and namespace of its own among them. */
  fragments: z.array(elementText),
});

/** Private XML (XEP-0049) by bare JID. */
export const PRIVATE_XML: CollectionDefinition<z.infer<typeof privateSchema>> = {
  name: 'private-xml',
  schema: privateSchema,
  schemaVersion: 1,
};

/** What tells fragments apart: name and namespace. */
export function keyOf(fragment: Element): string {
  return `${fragment.getName()} ${namespaceOf(fragment)}`;
}
