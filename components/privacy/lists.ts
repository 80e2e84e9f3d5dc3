import { z } from 'zod';

/** The stanza kinds an item may name (XEP-0016 §2.1). */
export const itemKinds = ['message', 'iq', 'presence-in', 'presence-out'] as const;

const itemSchema = z.object({
  type: z.enum(['jid', 'group', 'subscription']).nullable(),
  value: z.string(),
  action: z.enum(['allow', 'deny']),
  order: z.number().int().min(0),
  kinds: z.array(z.enum(itemKinds)),
});
export type Item = z.infer<typeof itemSchema>;

const listsSchema = z.object({
  default: z.string().nullable(),
  /** In the order in which they were made. */
  lists: z.array(z.object({ name: z.string(), items: z.array(itemSchema) })),
});

/** All lists of one account. Never modified: each change makes a new one. */
export type Lists = z.infer<typeof listsSchema>;

export const accountSchema = z.object({
  sequence: z.number().int(),
  current: listsSchema,
  /** A change that the core has been, or is about to be, asked to put in force. */
  intent: listsSchema.nullable(),
  /** What connected resources were last told of for certain, where pushes may still be missing. */
  told: listsSchema.nullable(),
});
/** What is stored of one account. */
export type AccountLists = z.infer<typeof accountSchema>;

export const noLists: Lists = { default: null, lists: [] };

/** The list of that name. */
export function listOf(lists: Lists, name: string | null): readonly Item[] | undefined {
  return name === null ? undefined : lists.lists.find((list) => list.name === name)?.items;
}

/** The same lists with one put in place of the one with its name, or added. */
export function withList(lists: Lists, name: string, items: readonly Item[]): Lists {
  const list = { name, items: [...items].sort((a, b) => a.order - b.order) };
  const known = lists.lists.some((other) => other.name === name);
  return {
    ...lists,
    lists: known ? lists.lists.map((other) => (other.name === name ? list : other)) : [...lists.lists, list],
  };
}

/** The same lists without one; it is not the default any more either. */
export function withoutList(lists: Lists, name: string): Lists {
  return {
    default: lists.default === name ? null : lists.default,
    lists: lists.lists.filter((list) => list.name !== name),
  };
}
