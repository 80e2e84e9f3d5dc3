import { decodeAttribute } from './decode.js';
import { detachedCopy, keptNamespace, XML_NAMESPACE, XMLNS_NAMESPACE } from './names.js';

const STREAMS = 'http://etherx.jabber.org/streams';
const noPrefixes: ReadonlyMap<string, string> = new Map();
/** What nearly every stream declares, once for all. */
const usualPrefixes: ReadonlyMap<string, string> = new Map([['stream', STREAMS]]);
const none: readonly string[] = [];

interface Binding {
  readonly prefix: string;
  readonly namespace: string;
  readonly depth: number;
}

/**
 * The prefixes in force while one stanza is scanned: what its elements declare, above what the stream header declared.
 * Untouched (and empty) for a stanza without prefixes. Methods answer with a description of what is wrong, or ''.
 */
export class NamespaceScope {
  /** Declared on the stream header. */
  streamPrefixes: ReadonlyMap<string, string> = noPrefixes;
  /** Prefixes of the stream header that the current stanza uses: they must travel with it (RFC 6120 §4.8.5). */
  used: readonly string[] = none;
  /** What elements declare, outermost first; undefined while none does. */
  #bindings: Binding[] | undefined;

  /** Takes `xmlns:prefix="source"` of the element at `depth` (Namespaces in XML §3, "Reserved Prefixes", and §2.2). */
  declare(prefix: string, source: string, depth: number): string {
    const namespace = decodeAttribute(source);
    if (prefix === 'xmlns') return 'the prefix xmlns cannot be declared';
    if (prefix === 'xml' && namespace !== XML_NAMESPACE) return 'the prefix xml cannot be bound otherwise';
    if (prefix !== 'xml' && namespace === XML_NAMESPACE) return 'only xml may be bound to the XML namespace';
    if (namespace === XMLNS_NAMESPACE) return 'no prefix may be bound to the xmlns namespace';
    if (namespace === '') return 'a prefix cannot be undeclared';
    if (this.#bindings === undefined) this.#bindings = [];
    this.#bindings.push({ prefix, namespace, depth });
    return '';
  }

  /** The namespace of a prefix in force, or undefined where it is unbound. */
  resolve(prefix: string): string | undefined {
    const bound = this.#bindings?.findLast((binding) => binding.prefix === prefix);
    if (bound !== undefined) return bound.namespace;
    if (prefix === 'xml') return XML_NAMESPACE;
    const namespace = this.streamPrefixes.get(prefix);
    if (namespace !== undefined && !this.used.includes(prefix)) this.used = [...this.used, prefix];
    return namespace;
  }

  /** Ends what the element at `depth` declared; called at each end tag, so it must be cheap where nothing is. */
  leave(depth: number): void {
    if (this.#bindings !== undefined) this.#drop(this.#bindings, depth);
  }

  #drop(bindings: Binding[], depth: number): void {
    while ((bindings.at(-1)?.depth ?? -1) >= depth) bindings.pop();
    if (bindings.length === 0) this.#bindings = undefined;
  }

  /** Ends the stream header: what it declared holds for the stream. */
  keepForStream(): void {
    const bindings = this.#bindings ?? [];
    if (bindings.length === 1 && bindings[0]?.prefix === 'stream' && bindings[0].namespace === STREAMS) {
      this.streamPrefixes = usualPrefixes;
    } else {
      const prefixes = new Map<string, string>();
      for (const { prefix, namespace } of bindings)
        prefixes.set(detachedCopy(prefix), keptNamespace(namespace));
      this.streamPrefixes = prefixes;
    }
    this.leaveUnit();
  }

  /** Ends a first-level element, complete or not. */
  leaveUnit(): void {
    this.leave(0);
    this.used = none;
  }

  /** Forgets the stream (it restarts). */
  reset(): void {
    this.streamPrefixes = noPrefixes;
    this.leaveUnit();
  }
}
