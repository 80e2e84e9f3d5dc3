import { decodeAttribute } from './decode.js';
import { XML_NAMESPACE, XMLNS_NAMESPACE } from './names.js';

const noPrefixes: ReadonlyMap<string, string> = new Map();

/**
 * The prefixes in force while one stanza is scanned: what its elements declare, above what the stream header declared.
 * Untouched (and empty) for a stanza without prefixes. Methods answer with a description of what is wrong, or ''.
 */
export class NamespaceScope {
  /** Declared on the stream header. */
  streamPrefixes: ReadonlyMap<string, string> = noPrefixes;
  /** Prefixes of the stream header that the current stanza uses: they must travel with it (RFC 6120 §4.8.5). */
  used: string[] = [];
  readonly #prefixes: string[] = [];
  readonly #namespaces: string[] = [];
  readonly #depths: number[] = [];

  /** Takes `xmlns:prefix="source"` of the element at `depth` (Namespaces in XML §3, "Reserved Prefixes", and §2.2). */
  declare(prefix: string, source: string, depth: number): string {
    const namespace = decodeAttribute(source);
    if (prefix === 'xmlns') return 'the prefix xmlns cannot be declared';
    if (prefix === 'xml' && namespace !== XML_NAMESPACE) return 'the prefix xml cannot be bound otherwise';
    if (prefix !== 'xml' && namespace === XML_NAMESPACE) return 'only xml may be bound to the XML namespace';
    if (namespace === XMLNS_NAMESPACE) return 'no prefix may be bound to the xmlns namespace';
    if (namespace === '') return 'a prefix cannot be undeclared';
    this.#prefixes.push(prefix);
    this.#namespaces.push(namespace);
    this.#depths.push(depth);
    return '';
  }

  /** The namespace of a prefix in force, or undefined where it is unbound. */
  resolve(prefix: string): string | undefined {
    for (let i = this.#prefixes.length - 1; i >= 0; i--) {
      if (this.#prefixes[i] === prefix) return this.#namespaces[i];
    }
    if (prefix === 'xml') return XML_NAMESPACE;
    const namespace = this.streamPrefixes.get(prefix);
    if (namespace !== undefined && !this.used.includes(prefix)) this.used.push(prefix);
    return namespace;
  }

  /** Whether the element at `depth` declared a prefix; asked at each end tag, so it must be cheap. */
  leave(depth: number): void {
    while (this.#depths.length > 0 && (this.#depths[this.#depths.length - 1] as number) >= depth) {
      this.#depths.pop();
      this.#prefixes.pop();
      this.#namespaces.pop();
    }
  }

  /** Ends the stream header: what it declared holds for the stream. */
  keepForStream(): void {
    const prefixes = new Map<string, string>();
    this.#prefixes.forEach((prefix, i) => {
      prefixes.set(prefix, this.#namespaces[i] as string);
    });
    this.streamPrefixes = prefixes.size === 0 ? noPrefixes : prefixes;
    this.leaveUnit();
  }

  /** Ends a first-level element, complete or not. */
  leaveUnit(): void {
    this.leave(0);
    if (this.used.length > 0) this.used = [];
  }

  /** Forgets the stream (it restarts). */
  reset(): void {
    this.streamPrefixes = noPrefixes;
    this.leaveUnit();
  }
}
