/** What the oracles found, in a run: printed as it comes, asserted at the end. */
export class Findings {
  readonly list: string[] = [];
  #seen = new Set<string>();
  /** While something is tried again: what was found there. */
  #trial: Set<string> | null = null;

  /** Reports once for each `kind`; `detail` says how to repeat it. */
  add(kind: string, detail: string): void {
    if (this.#trial !== null) {
      this.#trial.add(kind);
      return;
    }
    if (this.#seen.has(kind)) return;
    this.#seen.add(kind);
    const text = `${kind}: ${detail.length > 4000 ? `${detail.slice(0, 4000)}…` : detail}`;
    this.list.push(text);
    console.log(`# FINDING ${text}`);
  }

  /** The kinds found so far. */
  get kinds(): readonly string[] {
    return [...this.#seen];
  }

  /** The kinds that `run` finds, which are not reported. */
  async tried(run: () => Promise<void>): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    this.#trial = found;
    try {
      await run();
    } finally {
      this.#trial = null;
    }
    return found;
  }
}
