import { CLASS, NAME, NAME_START } from './characters.js';
import { decodeAttribute } from './decode.js';
import {
  detachedCopy,
  internName,
  isContentNamespace,
  keptNamespace,
  XML_NAMESPACE,
  XMLNS_NAMESPACE,
} from './names.js';
import { borrowMemory, returnMemory, type TagMemory } from './tag-memory.js';
import { UnitScanner } from './unit-scanner.js';

/** From how many attributes on one element duplicates are looked for by a set instead of by comparing all. */
const manyAttributes = 16;

/**
 * The scanner's memory of the tag at hand and of the elements around it: names, attributes, prefixes. Methods that
 * judge return false after setting `problem`.
 */
export class TagScanner extends UnitScanner {
  /** The name scanned last, qualified; '' while unfinished. */
  name = '';
  /** Characters of a token that began in an earlier chunk. */
  carry = '';
  /** No character of the current name has been taken yet. */
  nameFresh = true;
  /** The name an end tag must have here. */
  expectedEnd = '';
  /** White space was seen since the last attribute of this tag. */
  spaced = false;
  /** The quote that ends the attribute value at hand. */
  quote = 0;
  /** The qualified name, and what it means, of the first-level element or stream header at hand. */
  rootName = '';
  rootNamespace = '';
  headerName = '';
  /** Number of attributes of the root. */
  rootCount = 0;
  /** The root's attribute values are what their source says: nothing in them is to be decoded. */
  plainRoot = false;
  /** Offset in the unit of the '>' or '/' that ends the root's start tag. */
  rootTagEnd = 0;
  /** The stanza holds elements of the content namespace that say so by prefix or `xmlns` (RFC 6120 §4.8.5). */
  needsRewriting = false;
  /** The stanza takes its default namespace from a stream whose own is not a content namespace. */
  inheritsDefault = false;

  #nameStage = 0; // 0 nothing, 1 first part, 2 after the colon, 3 local part
  #captureStart = -1;
  #tagName = '';
  #tagPrefixed = false;
  #attributeName = '';
  #memory: TagMemory | undefined;
  #attributeCount = 0;
  #prefixedAttributes = 0;
  #defaultNamespace: string | undefined;
  /** Depth of the outermost element that is not of the content namespace; 0 while there is none. */
  #foreignDepth = 0;

  /** Scans a QName from index `i`; answers the index after it with `name` set, the text's end without, or -1. */
  scanName(text: string, i: number): number {
    const start = i;
    const end = text.length;
    let stage = this.#nameStage;
    this.name = '';
    while (i < end) {
      const c = text.charCodeAt(i);
      const flags = CLASS[c] as number;
      if ((flags & NAME) !== 0) {
        if ((stage & 1) === 0) {
          if ((flags & NAME_START) === 0) break;
          stage++;
        }
        i++;
      } else if (c === 0x3a && stage === 1) {
        stage = 2;
        i++;
      } else {
        break;
      }
    }
    if (i === end) {
      this.carry += text.slice(start, end);
      this.#nameStage = stage;
      this.nameFresh = false;
      return end;
    }
    // Namespaces in XML §4: a QName has at most one colon, with a name on each side of it.
    if ((stage & 1) === 0 || text.charCodeAt(i) === 0x3a) {
      this.fail(i, 'not-well-formed', 'malformed name');
      return -1;
    }
    this.name = this.carry === '' ? internName(text, start, i) : this.carry + text.slice(start, i);
    this.carry = '';
    this.#nameStage = 0;
    this.#namePrefixed = stage === 3;
    return i;
  }
  #namePrefixed = false;

  /** Gets ready for an end tag's name. */
  beginName(): void {
    this.#beginToken();
    this.nameFresh = true;
    this.expectedEnd = this.depth === 0 ? this.headerName : this.innermost;
  }

  /** The name of the innermost open element. */
  get innermost(): string {
    return this.memory.open[this.depth - 1] as string;
  }

  /** Lists for the unit at hand. */
  get memory(): TagMemory {
    if (this.#memory === undefined) this.#memory = borrowMemory();
    return this.#memory;
  }

  /** Lets go of all that is not needed until the next unit begins, the source of the last one above all. */
  release(): void {
    if (this.unitOpen) return;
    // Names too: one may be as long as a stanza.
    this.unit = '';
    this.name = '';
    this.expectedEnd = '';
    this.rootName = '';
    this.rootNamespace = '';
    this.#tagName = '';
    this.#attributeName = '';
    this.#defaultNamespace = undefined;
    this.#seen = undefined;
    if (this.#memory !== undefined) returnMemory(this.#memory);
    this.#memory = undefined;
  }

  #beginToken(): void {
    this.carry = '';
    this.#nameStage = 0;
  }

  beginTag(): void {
    this.#beginToken();
    this.#attributeCount = 0;
    this.#prefixedAttributes = 0;
    this.#defaultNamespace = undefined;
    this.spaced = false;
    if (this.depth === 0) {
      this.rootCount = 0;
      this.plainRoot = false;
      this.needsRewriting = false;
      this.inheritsDefault = false;
      this.#foreignDepth = 0;
    }
  }

  takeTagName(): void {
    this.#tagName = this.name;
    this.#tagPrefixed = this.#namePrefixed;
    if (this.depth === 0) this.rootName = this.name;
  }

  beginAttribute(i: number): void {
    this.#beginToken();
    if (this.depth === 0) this.memory.marks[this.rootCount * 3] = this.offset(i);
  }

  /** The attribute's name is complete. */
  takeAttributeName(): boolean {
    const name = this.name;
    const count = this.#attributeCount;
    const { attributes } = this.memory;
    if (count >= this.limits.attributes) return this.refuse('policy-violation', 'too many attributes');
    // XML §3.1, "Unique Att Spec".
    if (count < manyAttributes) {
      for (let k = 0; k < count; k++) {
        if (attributes[k] === name) return this.refuse('not-well-formed', 'duplicate attribute');
      }
    } else {
      if (count === manyAttributes || this.#seen === undefined)
        this.#seen = new Set(attributes.slice(0, count));
      if (this.#seen.has(name)) return this.refuse('not-well-formed', 'duplicate attribute');
      this.#seen.add(name);
    }
    attributes[count] = name;
    this.#attributeCount = count + 1;
    this.#attributeName = name;
    if (this.depth === 0) this.memory.rootAttributes[this.rootCount] = name;
    // Only a declaration's value is of interest here.
    this.#capturing = this.#namePrefixed ? name.startsWith('xmlns:') : name === 'xmlns';
    if (this.#namePrefixed && !this.#capturing && !name.startsWith('xml:')) this.#prefixedAttributes++;
    return true;
  }
  #seen: Set<string> | undefined;
  #capturing = false;

  /** The attribute's value begins at index `i`, after `quote`. */
  beginValue(i: number, quote: number): void {
    this.quote = quote;
    if (this.depth === 0) this.memory.marks[this.rootCount * 3 + 1] = this.offset(i);
    if (this.#capturing) this.#captureStart = i;
  }

  /** The attribute's value ends before index `i`. */
  endValue(i: number): boolean {
    this.spaced = false;
    if (this.depth === 0) this.memory.marks[this.rootCount++ * 3 + 2] = this.offset(i);
    if (!this.#capturing) return true;
    const source = this.carry + this.text.slice(this.#captureStart, i);
    this.carry = '';
    this.#capturing = false;
    this.#captureStart = -1;
    if (!this.#namePrefixed) {
      const namespace = decodeAttribute(source);
      if (namespace === XML_NAMESPACE || namespace === XMLNS_NAMESPACE) {
        return this.refuse('not-well-formed', 'reserved namespace as default');
      }
      this.#defaultNamespace = namespace;
      return true;
    }
    const problem = this.scope.declare(this.#attributeName.slice(6), source, this.depth + 1);
    return problem === '' || this.refuse('not-well-formed', problem);
  }

  override suspendToken(): void {
    if (this.#captureStart >= 0) {
      this.carry += this.text.slice(this.#captureStart);
      this.#captureStart = 0;
    }
  }

  markTagEnd(i: number): void {
    if (this.depth === 0) this.rootTagEnd = this.offset(i);
  }

  /** A start tag (`empty`: an empty-element tag) is complete. */
  openElement(empty: boolean): boolean {
    const depth = this.depth + 1;
    if (depth > this.limits.depth) return this.refuse('policy-violation', 'elements nested too deeply');
    this.elements++;
    if (this.limits.elements !== undefined && this.elements > this.limits.elements)
      return this.refuse('policy-violation', 'too many elements');
    if (this.#tagPrefixed || this.#prefixedAttributes > 0) {
      if (!this.#resolve()) return false;
    } else if (depth === 1) {
      this.rootNamespace = this.#defaultNamespace ?? this.defaultNamespace;
    }
    if (depth === 1) {
      this.#takeRoot();
      if (!this.opened) return true;
    } else if (this.#foreignDepth === 0 && (this.#tagPrefixed || this.#defaultNamespace !== undefined)) {
      if (isContentNamespace(this.#tagNamespace())) this.needsRewriting = true;
      else if (!empty) this.#foreignDepth = depth;
    }
    if (empty) {
      this.scope.leave(depth);
    } else {
      this.memory.open[depth - 1] = this.#tagName;
      this.depth = depth;
    }
    return true;
  }

  /** Opens an element that has no prefixes and breaks no rule or limit. */
  openPlain(name: string, defaultNamespace: string | undefined, empty: boolean): void {
    this.#tagName = name;
    this.#tagPrefixed = false;
    this.#prefixedAttributes = 0;
    this.#defaultNamespace = defaultNamespace;
    if (this.depth === 0) this.rootName = name;
    this.openElement(empty);
  }

  closeElement(): void {
    const depth = this.depth;
    this.scope.leave(depth);
    if (this.#foreignDepth === depth) this.#foreignDepth = 0;
    this.depth = depth - 1;
  }

  #takeRoot(): void {
    if (!this.opened) {
      this.headerName = detachedCopy(this.#tagName);
      this.defaultNamespace = keptNamespace(this.#defaultNamespace ?? '');
      return;
    }
    if (isContentNamespace(this.rootNamespace)) {
      this.needsRewriting = this.#tagPrefixed;
    } else {
      this.#foreignDepth = 1;
      this.inheritsDefault =
        this.#defaultNamespace === undefined && !isContentNamespace(this.defaultNamespace);
    }
  }

  #tagNamespace(): string {
    if (!this.#tagPrefixed) return this.#defaultNamespace ?? '';
    return this.scope.resolve(prefixOf(this.#tagName)) ?? '';
  }

  /** Namespaces in XML §5 and §6.3: prefixes must be bound, expanded attribute names unique. */
  #resolve(): boolean {
    if (this.#tagPrefixed) {
      const prefix = prefixOf(this.#tagName);
      const namespace = prefix === 'xmlns' ? undefined : this.scope.resolve(prefix);
      if (namespace === undefined) return this.refuse('not-well-formed', 'unbound namespace prefix');
      if (this.depth === 0) this.rootNamespace = namespace;
    } else if (this.depth === 0) {
      this.rootNamespace = this.#defaultNamespace ?? this.defaultNamespace;
    }
    if (this.#prefixedAttributes === 0) return true;
    const expanded = new Set<string>();
    for (let k = 0; k < this.#attributeCount; k++) {
      const name = this.memory.attributes[k] as string;
      const colon = name.indexOf(':');
      if (colon < 0 || name.startsWith('xmlns:')) continue;
      const namespace = this.scope.resolve(name.slice(0, colon));
      if (namespace === undefined) return this.refuse('not-well-formed', 'unbound namespace prefix');
      const key = `${name.slice(colon)} ${namespace}`;
      if (expanded.has(key)) return this.refuse('not-well-formed', 'duplicate attribute');
      expanded.add(key);
    }
    return true;
  }

  override resetToken(): void {
    this.#beginToken();
    this.#captureStart = -1;
    this.#capturing = false;
  }
}

function prefixOf(name: string): string {
  return name.slice(0, name.indexOf(':'));
}
