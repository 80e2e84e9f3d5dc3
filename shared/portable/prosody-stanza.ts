import { type Child, type Element, namespaceOf, xml } from '../xml/element.js';
import { LuaTable, type LuaValue, luaText, textOfOctets } from './lua.js';

/** Prosody separates a foreign attribute's namespace from its name by this. */
const SEPARATOR = '\x01';

/** An element as Prosody's stores keep it; without a namespace of its own it has its parent's. */
export function elementOfLua(table: LuaTable, inherited = ''): Element {
  const attributes: Record<string, string> = {};
  for (const [key, value] of table.table('attr')?.named() ?? [])
    if (typeof value === 'string' && !key.includes(SEPARATOR)) attributes[key] = textOfOctets(value);
  const namespace = attributes['xmlns'] ?? inherited;
  // It says a parent's again.
  if (namespace === inherited) delete attributes['xmlns'];
  const children = table
    .items()
    .flatMap((item): Child[] =>
      item instanceof LuaTable
        ? [elementOfLua(item, namespace)]
        : typeof item === 'string'
          ? [textOfOctets(item)]
          : [],
    );
  return xml(table.text('name') ?? 'unnamed', attributes, ...children);
}

/** The same the other way. */
export function luaOfElement(element: Element, inherited = ''): LuaTable {
  const namespace = namespaceOf(element);
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(element.attrs)) {
    if (name === 'xmlns' || (name.includes(':') && !name.startsWith('xml:'))) continue;
    if (typeof value === 'string') attributes[name] = luaText(value);
  }
  // Stanzas have none there: their stream implies it.
  if (namespace !== inherited && namespace !== 'jabber:client') attributes['xmlns'] = luaText(namespace);
  const table = LuaTable.list(
    element.children.flatMap((node): LuaValue[] =>
      typeof node === 'string' ? (node === '' ? [] : [luaText(node)]) : [luaOfElement(node, namespace)],
    ),
  );
  table.entries.set('name', luaText(element.getName()));
  table.entries.set('attr', LuaTable.of(attributes));
  return table;
}
