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
