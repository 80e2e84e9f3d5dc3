/** Who administers this server: those of the setting ADMINS, and those whom they have added (XEP-0133 §"Edit Admin List"). */
export class Admins {
  /** Of the setting: only whoever can change it removes them. */
  readonly fixed: ReadonlySet<string>;
  #added: ReadonlySet<string> = new Set();

  constructor(fixed: Iterable<string>) {
    this.fixed = new Set(fixed);
  }

  /** Bare JIDs. */
  get all(): readonly string[] {
    return [...new Set([...this.fixed, ...this.#added])];
  }
  has(bare: string): boolean {
    return this.fixed.has(bare) || this.#added.has(bare);
  }
  setAdded(added: Iterable<string>): void {
    this.#added = new Set([...added].filter((bare) => !this.fixed.has(bare)));
  }
}
