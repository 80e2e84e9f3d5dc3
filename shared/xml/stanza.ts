import { type Jid, parseJid } from '../xmpp/jid.js';
import { decodeAttribute } from './decode.js';
import { clone, Element, sameNamespace } from './element.js';
import { escapeAttribute } from './escape.js';
import { detachedCopy, isContentNamespace } from './names.js';
import { Scanner, STANZA } from './scanner.js';
import { partsOfTree, type StanzaParts, scannedParts } from './stanza-parts.js';
import { attributeSource, type ChildName, readChildNames, readContent, readInto } from './tree.js';

/** What {@link Stanza.readdress} changes; `to: null` takes the attribute away. */
interface Readdressing {
  readonly from?: string;
  readonly to?: string | null;
  readonly id?: string;
  readonly lang?: string;
}

/** The attributes of an IQ (RFC 6120 §8.2.3). */
interface IqHead {
  readonly type: string;
  readonly id: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What the copies of a stanza for many addressees have in common. */
interface Shared {
  /** Wire text up to the value of `to`, and from its closing quote on: flat, each addressee's text is made of them. */
  readonly before: string;
  readonly after: string;
  /** What was found in the content, by who looked: a few, and looking through them is cheaper than a map of functions. */
  readonly findings: { readonly look: (stanza: Stanza) => unknown; readonly found: unknown }[];
}

const unlimited = { stanzaBytes: Number.MAX_SAFE_INTEGER, depth: 1000, attributes: 10_000 };
const noChildren: readonly ChildName[] = [];
let scanner: Scanner | undefined;

/**
 * One first-level element of a stream: immutable, its root's attributes at hand, the rest kept as validated source. A
 * routed stanza is written from that source; the tree is built for whom asks.
 */
export class Stanza {
  /** Local name of the root. */
  readonly name: string;
  readonly namespace: string;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
  /** `xml:lang` of the root. */
  readonly lang: string | undefined;
  /** What whoever delivers this very stanza notes about it: nothing of the wire, and of no copy. */
  note: object | undefined;

  readonly #qualified: string;
  readonly #others: string;
  /** From the end of the root's start tag (`>` or `/>`) on. */
  readonly #tail: string;
  readonly #source: string | undefined;
  #rest: string | undefined;
  #text: string | undefined;
  #element: Element | undefined;
  #shared: Shared | undefined;
  #children: readonly ChildName[] | undefined;
  #first: ChildName | null | undefined;
  #toJid: Jid | null | undefined;
  #fromJid: Jid | null | undefined;

  private constructor(parts: StanzaParts, element: Element | undefined) {
    this.name = parts.name;
    this.namespace = parts.namespace;
    this.to = parts.to;
    this.from = parts.from;
    this.id = parts.id;
    this.type = parts.type;
    this.lang = parts.lang;
    this.note = undefined;
    this.#qualified = parts.qualified;
    this.#others = parts.others;
    this.#tail = parts.tail;
    this.#source = parts.source;
    this.#rest = undefined;
    this.#text = undefined;
    this.#element = element;
    this.#shared = undefined;
    this.#children = undefined;
    this.#first = undefined;
    this.#toJid = undefined;
    this.#fromJid = undefined;
  }

  /** The source as received, made self-contained where it leaned on the stream header (RFC 6120 §4.8.5). */
  get source(): string {
    return this.#source ?? this.text;
  }

  /** The decoded value of an attribute of the root, by its qualified name. */
  attribute(name: string): string | undefined {
    switch (name) {
      case 'to':
        return this.to;
      case 'from':
        return this.from;
      case 'id':
        return this.id;
      case 'type':
        return this.type;
      case 'xml:lang':
        return this.lang;
      default: {
        if (this.#others === '') return undefined;
        const value = attributeSource(this.#others, 0, name);
        return value === undefined ? undefined : decodeAttribute(value);
      }
    }
  }

  /** `to` as an address; null where it is malformed, undefined where there is none. */
  get toJid(): Jid | null | undefined {
    if (this.#toJid === undefined && this.to !== undefined) this.#toJid = parseJid(this.to);
    return this.#toJid;
  }

  /** `from` as an address; null where it is malformed, undefined where there is none. */
  get fromJid(): Jid | null | undefined {
    if (this.#fromJid === undefined && this.from !== undefined) this.#fromJid = parseJid(this.from);
    return this.#fromJid;
  }

  /** The first child element: of an IQ get or set, the only one (RFC 6120 §8.2.3). */
  get payload(): ChildName | null {
    if (this.#first === undefined) this.#first = (this.#children ?? this.#readChildren(1))[0] ?? null;
    return this.#first;
  }

  /** All child elements, in order. Those of the content namespace are 'jabber:client' whichever stream they came on. */
  children(): readonly ChildName[] {
    if (this.#children === undefined) this.#children = this.#readChildren(Number.POSITIVE_INFINITY);
    return this.#children;
  }

  /** Whether there is such a child element. Content namespaces count as one (RFC 6120 §4.8.3). */
  hasChild(name: string, namespace: string): boolean {
    return this.children().some((one) => one.name === name && sameNamespace(one.namespace, namespace));
  }

  /** One attribute of each child element so named that has it: decoded values, in order, without a tree. */
  attributesOf(name: string, namespace: string, attribute: string): readonly string[] {
    const values: string[] = [];
    const starts: number[] = [];
    for (const [index, child] of this.#readChildren(Number.POSITIVE_INFINITY, starts).entries()) {
      if (child.name !== name || !sameNamespace(child.namespace, namespace)) continue;
      const value = attributeSource(this.#tail, starts[index] ?? 0, attribute);
      if (value !== undefined) values.push(decodeAttribute(value));
    }
    return values;
  }

  #readChildren(most: number, attributes?: number[]): readonly ChildName[] {
    if (this.#tail.length <= 2) return noChildren;
    return readChildNames(this.#tail, 1, most, (prefix) => this.#inherited(prefix), attributes);
  }

  #inherited(prefix: string): string {
    if (prefix === '' && isContentNamespace(this.namespace)) return 'jabber:client';
    const declared = attributeSource(this.#others, 0, prefix === '' ? 'xmlns' : `xmlns:${prefix}`);
    if (declared !== undefined) return decodeAttribute(declared);
    return prefix === '' ? 'jabber:client' : '';
  }

  /**
   * The tree, built when first asked for and kept; shared, so never modified: `clone` it first. A stanza's namespace is
   * 'jabber:client' in it, whichever stream it came on: what is forwarded or stored from it must be (XEP-0297 §3).
   */
  get element(): Element {
    if (this.#element === undefined) {
      const attributes: Record<string, string> = {};
      if (isContentNamespace(this.namespace)) attributes['xmlns'] = 'jabber:client';
      if (this.to !== undefined) attributes['to'] = this.to;
      if (this.from !== undefined) attributes['from'] = this.from;
      if (this.id !== undefined) attributes['id'] = this.id;
      if (this.type !== undefined) attributes['type'] = this.type;
      if (this.lang !== undefined) attributes['xml:lang'] = this.lang;
      readInto(this.#others, 0, attributes);
      const element = new Element(this.#qualified);
      element.attrs = attributes;
      if (this.#tail.charCodeAt(0) === 0x3e) readContent(this.#tail, 1, element);
      this.#element = element;
    }
    return this.#element;
  }

  /** The wire text. A stanza of a content namespace leaves that to the stream it is written to. */
  get text(): string {
    if (this.#text === undefined) {
      const shared = this.#shared;
      if (shared !== undefined && this.to !== undefined)
        this.#text = shared.before + escapeAttribute(this.to) + shared.after;
      else
        this.#text = this.to === undefined ? `<${this.#qualified}${this.#afterTo()}` : this.textTo(this.to);
    }
    return this.#text;
  }

  /** The wire text with another `to`: one concatenation, whatever the stanza's size. */
  textTo(to: string): string {
    return `<${this.#qualified} to='${escapeAttribute(to)}'${this.#afterTo()}`;
  }

  #afterTo(): string {
    if (this.#rest === undefined) {
      let head = '';
      if (this.from !== undefined) head += ` from='${escapeAttribute(this.from)}'`;
      if (this.id !== undefined) head += ` id='${escapeAttribute(this.id)}'`;
      if (this.type !== undefined) head += ` type='${escapeAttribute(this.type)}'`;
      if (this.lang !== undefined) head += ` xml:lang='${escapeAttribute(this.lang)}'`;
      this.#rest = head + this.#others + this.#tail;
    }
    return this.#rest;
  }

  /** A stanza with other addresses, `id` or language that shares all the rest. */
  readdress(change: Readdressing): Stanza {
    const to = change.to;
    return new Stanza(
      {
        name: this.name,
        qualified: this.#qualified,
        namespace: this.namespace,
        to: to === null ? undefined : (to ?? this.to),
        from: change.from ?? this.from,
        id: change.id ?? this.id,
        type: this.type,
        lang: change.lang ?? this.lang,
        others: this.#others,
        tail: this.#tail,
        source: undefined,
      },
      undefined,
    ).#sharing(this);
  }

  /** {@link readdress} for one of many addressees: what does not name the addressee is rendered once for all of them. */
  addressedTo(addressee: Jid): Stanza {
    this.#shared ??= {
      before: this.#qualified === 'message' ? "<message to='" : `<${this.#qualified} to='`,
      // it must not keep the chunk it came in
      after: detachedCopy(`'${this.#afterTo()}`),
      findings: [],
    };
    const copy = this.readdress({ to: addressee.full });
    copy.#shared = this.#shared;
    copy.#toJid = addressee;
    copy.#fromJid = this.fromJid;
    return copy;
  }

  /**
   * What `look` finds in the content: asked once for all addressees of a stanza that is {@link addressedTo} many. Undefined
   * for any other stanza, where looking for what is wanted at the moment may be cheaper than looking for all there is.
   */
  finding<T>(look: (stanza: Stanza) => T): T | undefined {
    const findings = this.#shared?.findings;
    if (findings === undefined) return undefined;
    for (const finding of findings) if (finding.look === look) return finding.found as T;
    const found = look(this);
    findings.push({ look, found });
    return found;
  }

  /** Takes over what has been read of a stanza that has the same content. */
  #sharing(other: Stanza): Stanza {
    this.#children = other.#children;
    this.#first = other.#first;
    if (this.from === other.from) this.#fromJid = other.#fromJid;
    if (this.to === other.to) this.#toJid = other.#toJid;
    return this;
  }

  /** Whether this text occurs, as written, anywhere but in the root's name and stanza attributes. */
  mentions(text: string): boolean {
    return this.#tail.includes(text) || (this.#others !== '' && this.#others.includes(text));
  }

  /**
   * The content's beginning from `start` to the first `end`, where it begins so. Text, not yet known to be one element:
   * it is when it ends where the element that it begins with does.
   */
  leading(start: string, end: string): string | null {
    if (!this.#tail.startsWith(start, 1)) return null;
    const at = this.#tail.indexOf(end, 1 + start.length);
    return at < 0 ? null : this.#tail.slice(1, at + end.length);
  }

  /** The stanza without the first `length` characters of its content, which must be whole elements. */
  withoutLeading(length: number): Stanza {
    return new Stanza(
      {
        name: this.name,
        qualified: this.#qualified,
        namespace: this.namespace,
        to: this.to,
        from: this.from,
        id: this.id,
        type: this.type,
        lang: this.lang,
        others: this.#others,
        tail: `>${this.#tail.slice(1 + length)}`,
        source: undefined,
      },
      undefined,
    );
  }

  /**
   * The same stanza in memory of its own. A stanza just received is cut out of a chunk of input (up to 64 KiB) and keeps
   * it alive: what waits in a queue for long should be this copy.
   */
  detached(): Stanza {
    return Stanza.parse(detachedCopy(this.text), this.namespace);
  }

  /**
   * An IQ without a tree: `content` is wire text of whole elements that declare their own namespaces, from a source that
   * is trusted to write good XML.
   */
  static iq(head: IqHead, content: string): Stanza {
    const parts = {
      name: 'iq',
      qualified: 'iq',
      namespace: 'jabber:client',
      to: head.to,
      from: head.from,
      id: head.id,
      type: head.type,
      lang: undefined,
      others: '',
      tail: content === '' ? '/>' : `>${content}</iq>`,
      source: undefined,
    };
    return new Stanza(parts, undefined);
  }

  /** The stanza that a tree stands for; without `xmlns` its namespace is 'jabber:client'. The tree must not change afterwards. */
  static fromElement(element: Element): Stanza {
    // An element of a larger tree takes with it what it inherits.
    const whole = element.parent === null ? element : clone(element);
    return new Stanza(partsOfTree(whole, 'jabber:client'), whole);
  }

  /** Reads one element from text that is trusted to be good, such as stored text. Throws a SyntaxError where it is not. */
  static parse(text: string, contentNamespace = 'jabber:client'): Stanza {
    // Nothing below calls back, so one scanner serves all calls.
    scanner ??= new Scanner(unlimited);
    scanner.resumeIn(contentNamespace);
    const event = scanner.scan(text, 0, false);
    if (event !== STANZA || text.slice(scanner.position).trim() !== '') {
      const problem = event === STANZA ? 'more than one element' : scanner.problemText || 'incomplete';
      scanner = undefined;
      throw new SyntaxError(`not one stanza: ${problem}`);
    }
    return Stanza.scanned(scanner);
  }

  /** The stanza whose end the scanner has just reached. For the stream parser. */
  static scanned(from: Scanner): Stanza {
    return new Stanza(scannedParts(from), undefined);
  }
}
