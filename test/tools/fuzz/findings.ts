/** What the oracles found, in a run: printed as it comes, asserted at the end. */
export class Findings {
  readonly list: string[] = [];
  readonly #seen = new Set<string>();

  /** Reports once for each `kind`; `detail` says how to repeat it. */
  add(kind: string, detail: string): void {
    if (this.#seen.has(kind)) return;
    this.#seen.add(kind);
    const text = `${kind}: ${detail.length > 4000 ? `${detail.slice(0, 4000)}…` : detail}`;
    this.list.push(text);
    console.log(`# FINDING ${text}`);
  }
}
