import { type Item, type Lists, listOf, withList, withoutList } from './lists.js';

/** Name of the default list that is made where somebody blocks and has none. */
const BLOCK_LIST_NAME = 'blocked';

/** XEP-0191 §5: only `jid` + `deny` items without stanza kinds are the block list. */
function isBlock(item: Item): boolean {
  return item.type === 'jid' && item.action === 'deny' && item.kinds.length === 0;
}

/** The blocked JIDs, in order: those of the default list. */
export function blockedJids(lists: Lists): string[] {
  return (listOf(lists, lists.default) ?? []).filter(isBlock).map((item) => item.value);
}

/** Blocks JIDs in the default list, made if there is none; such items come first, so that nothing overrides them. */
export function block(lists: Lists, jids: readonly string[]): Lists {
  const name = lists.default ?? freeName(lists);
  const items = listOf(lists, name) ?? [];
  const known = new Set(items.filter(isBlock).map((item) => item.value));
  const added = [...new Set(jids)].filter((jid) => !known.has(jid));
  if (added.length === 0) return lists;
  const blocks = [...items.filter(isBlock), ...added.map(blockItem)];
  return {
    ...withList(lists, name, renumbered([...blocks, ...items.filter((item) => !isBlock(item))])),
    default: name,
  };
}

/** Unblocks JIDs, or (null) all. A default list that would be left empty is removed instead. */
export function unblock(lists: Lists, jids: readonly string[] | null): Lists {
  const name = lists.default;
  const items = listOf(lists, name);
  if (name === null || items === undefined) return lists;
  const left = items.filter((item) => !isBlock(item) || (jids !== null && !jids.includes(item.value)));
  if (left.length === items.length) return lists;
  return left.length === 0 ? withoutList(lists, name) : withList(lists, name, left);
}

function blockItem(jid: string): Item {
  return { type: 'jid', value: jid, action: 'deny', order: 0, kinds: [] };
}

function renumbered(items: readonly Item[]): Item[] {
  return items.map((item, index) => ({ ...item, order: index + 1 }));
}

function freeName(lists: Lists): string {
  const taken = new Set(lists.lists.map((list) => list.name));
  let name = BLOCK_LIST_NAME;
  for (let i = 2; taken.has(name); i++) name = `${BLOCK_LIST_NAME}-${i}`;
  return name;
}
