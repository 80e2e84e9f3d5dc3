/**
 * Makes a failing list smaller while it still fails (delta debugging: halves, quarters, … are left out). `fails` may be
 * slow: after `milliseconds` the smallest so far is the answer.
 */
export async function minimise<T>(
  whole: readonly T[],
  fails: (part: readonly T[]) => boolean | Promise<boolean>,
  milliseconds = 20_000,
): Promise<readonly T[]> {
  const end = performance.now() + milliseconds;
  let smallest = whole;
  let size = Math.ceil(smallest.length / 2);
  while (size >= 1 && smallest.length > 1) {
    let shrunk = false;
    for (let at = 0; at < smallest.length; ) {
      if (performance.now() > end) return smallest;
      const without = [...smallest.slice(0, at), ...smallest.slice(at + size)];
      if (without.length > 0 && (await fails(without))) {
        smallest = without;
        shrunk = true;
      } else at += size;
    }
    if (size === 1 && !shrunk) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return smallest;
}

/** Text in pieces that are worth leaving out: tags, attributes, runs of text. */
export function pieces(text: string): string[] {
  return text.match(/<[^\s<>]*|\s+[^\s=<>]+\s*=\s*(?:'[^']*'|"[^"]*")|[^<>\s]{1,16}|\s+|[<>]/g) ?? [];
}

/** Where whole elements stand in text that is nearly XML, the largest first. */
function spans(text: string): (readonly [start: number, end: number])[] {
  const found: [number, number][] = [];
  const open: { name: string; start: number }[] = [];
  for (const match of text.matchAll(/<(\/?)([^\s<>/]+)(?:[^<>'"]|'[^']*'|"[^"]*")*?(\/?)>/g)) {
    const [tag, closing, name = '', empty] = match;
    if (closing === '/') {
      if (open.at(-1)?.name !== name) continue;
      found.push([open.pop()?.start ?? match.index, match.index + tag.length]);
    } else if (empty === '/') found.push([match.index, match.index + tag.length]);
    else open.push({ name, start: match.index });
  }
  return found.sort(([a, b], [c, d]) => d - c - (b - a));
}

/** The text with as few elements as still fail. */
export async function withoutElements(
  text: string,
  fails: (text: string) => Promise<boolean>,
): Promise<string> {
  for (let at = 0, small = text; ; ) {
    const span = spans(small)[at];
    if (span === undefined) return small;
    const without = small.slice(0, span[0]) + small.slice(span[1]);
    if (without !== '' && (await fails(without))) small = without;
    else at++;
  }
}
