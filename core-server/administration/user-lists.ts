import type { FieldDeclaration } from '../../shared/xmpp/forms.js';
import type { CommandRequest } from '../commands/command-registry.js';

const CHOICES = ['25', '50', '75', '100', '150', '200', 'none'];

/** XEP-0133 §4.18: how many to show. */
export const MAX_ITEMS_FIELD: FieldDeclaration = {
  var: 'max_items',
  type: 'list-single',
  label: 'Maximum number of items to show',
  options: CHOICES.map((value) => ({ value, label: value === 'none' ? 'None' : value })),
  default: '100',
};

/** `max_items` as a number; nothing or `none` is no limit. */
export function limitOf({ values }: CommandRequest): number {
  const text = values['max_items'];
  return text === undefined || text === '' || text === 'none' ? Number.POSITIVE_INFINITY : Number(text);
}

/** The first `limit` of them. */
export async function firstOf(
  all: AsyncIterable<string> | Iterable<string>,
  limit: number,
): Promise<string[]> {
  const found: string[] = [];
  for await (const each of all) {
    if (found.length >= limit) break;
    found.push(each);
  }
  return found;
}

/** How many there are. */
export async function countOf(all: AsyncIterable<string> | Iterable<string>): Promise<string> {
  let count = 0;
  for await (const _ of all) count++;
  return String(count);
}
