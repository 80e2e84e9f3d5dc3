import { z } from 'zod';

/** The stanza kinds an item may name (XEP-0016 §2.1); an item that names none covers everything, both ways. */
export const itemKinds = ['message', 'iq', 'presence-in', 'presence-out'] as const;
export type ItemKind = (typeof itemKinds)[number];

const itemSchema = z.object({
  type: z.enum(['jid', 'group', 'subscription']).nullable(),
  /** A prepared JID, a roster group, a subscription state; '' without a type. */
  value: z.string(),
  allow: z.boolean(),
  order: z.number().int().min(0),
  kinds: z.array(z.enum(itemKinds)),
});

/** All privacy lists of one account as the privacy component compiled them, and where they stand. */
export const ruleDocument = z.object({
  /** Which life of the component's store these come from, and the how-manieth set of this account. */
  epoch: z.string(),
  sequence: z.number().int(),
  default: z.string().nullable(),
  /** Names are a user's own words: never keys of an object. */
  lists: z.array(z.object({ name: z.string(), items: z.array(itemSchema) })),
});

export type RuleItem = z.infer<typeof itemSchema>;
export type RuleDocument = z.infer<typeof ruleDocument>;

/** XEP-0191 §5: only these items of the default list are the block list. */
export function isBlockItem(item: RuleItem): boolean {
  return item.type === 'jid' && !item.allow && item.kinds.length === 0;
}

/** Whether a set has a list of that name. */
export function hasList(document: RuleDocument, name: string): boolean {
  return document.lists.some((list) => list.name === name);
}
