import { type Element, xml } from '../xml/element.js';
import { NS } from './namespaces.js';
import { StanzaError } from './stanza-error.js';

/** Result Set Management (XEP-0059): reading what a requester asks for, cutting a page, and saying what was cut. */

export interface ResultSetRequest {
  /** How many the requester wants at most; 0 asks for the count only (§2.7). */
  readonly max: number | undefined;
  readonly after: string | undefined;
  /** `''` asks for the last page (§2.5). */
  readonly before: string | undefined;
  readonly index: number | undefined;
}

interface ResultSetPage {
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** Position of `first` in the whole set; undefined where it is too dear to know. */
  readonly index: number | undefined;
  /** Size of the whole set; undefined where it is too dear to know. */
  readonly count: number | undefined;
}

/**
 * The `<set/>` in a request's payload, or null where there is none. Throws StanzaError `bad-request` where a number is
 * none or negative.
 */
export function parseResultSet(payload: Element): ResultSetRequest | null {
  const set = payload.getChild('set', NS.resultSet);
  if (set === undefined) return null;
  const text = (name: string) => set.getChildText(name) ?? undefined;
  return {
    max: number(text('max'), 'max'),
    after: text('after'),
    before: text('before'),
    index: number(text('index'), 'index'),
  };
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\s*\d{1,10}\s*$/.test(text))
    throw new StanzaError('bad-request', { text: `<${name}/> is not a number` });
  return Number(text);
}

export interface PageOptions<T> {
  /** The unique ID of an item in the set. */
  readonly id: (item: T) => string;
  /** The most items one page may hold, whatever the requester asks for. */
  readonly limit: number;
  /**
   * Where the set is sorted by its IDs: their order (negative, zero, positive), so that the place of an item that has gone
   * is still known. Without it such a request is `item-not-found` (§2.4).
   */
  readonly order?: (one: string, other: string) => number;
}

/**
 * The page of an ordered set that a request asks for; a null request gets the first page. `more` tells whether the set goes
 * on beyond the page in the direction of paging. Throws StanzaError `item-not-found` for an `after` or `before` that is
 * not (or no longer) in the set.
 */
export function pageOf<T>(
  set: readonly T[],
  request: ResultSetRequest | null,
  options: PageOptions<T>,
): { readonly items: readonly T[]; readonly page: ResultSetPage; readonly more: boolean } {
  const size = Math.min(request?.max ?? options.limit, options.limit);
  const after = request?.after || undefined;
  const before = request?.before || undefined;
  // The bounds of what may be returned: [low, high).
  const low = after === undefined ? 0 : positionOf(set, after, options, 1);
  const high = before === undefined ? set.length : positionOf(set, before, options, 0);
  const backwards = request?.before !== undefined;
  let start = Math.min(low, high);
  if (backwards) start = Math.max(start, high - size);
  else if (request?.index !== undefined && after === undefined) start = Math.min(request.index, set.length);
  const end = Math.max(start, Math.min(start + size, high));
  const items = set.slice(start, end);
  const first = items[0];
  const last = items.at(-1);
  const page: ResultSetPage = {
    first: first === undefined ? undefined : options.id(first),
    last: last === undefined ? undefined : options.id(last),
    index: start,
    count: set.length,
  };
  return { items, page, more: backwards ? start > low : end < high };
}

/** The position of `id` plus `step`; for an item that has gone, that of the first item beyond where it was. */
function positionOf<T>(set: readonly T[], id: string, options: PageOptions<T>, step: 0 | 1): number {
  const { order } = options;
  const index =
    order === undefined
      ? set.findIndex((item) => options.id(item) === id)
      : set.findIndex((item) => order(options.id(item), id) >= 0);
  const found = set[index];
  if (found !== undefined && options.id(found) === id) return index + step;
  if (order === undefined) throw new StanzaError('item-not-found');
  return index === -1 ? set.length : index;
}

/** The `<set/>` of an answer (§2.2): an empty page has neither first nor last, and an unknown count is left out. */
export function resultSetElement(page: ResultSetPage): Element {
  return xml(
    'set',
    { xmlns: NS.resultSet },
    page.first === undefined ? undefined : xml('first', { index: page.index }, page.first),
    page.last === undefined ? undefined : xml('last', {}, page.last),
    page.count === undefined ? undefined : xml('count', {}, page.count),
  );
}
