import { CLASS, NAME, NAME_START, SPACE, VALUE } from './characters.js';
import { internName, matchesAt, XML_NAMESPACE, XMLNS_NAMESPACE } from './names.js';
import { TagScanner } from './tag-scanner.js';

const most = 16;
const seen: string[] = new Array<string>(most).fill('');

/**
 * The short way through a tag that is whole in the chunk and holds nothing out of the ordinary: no prefix, reference or
 * error. Whatever else is met sends the scanner the long way, from the tag's beginning, with nothing changed.
 */
export class QuickScanner extends TagScanner {
  /** Takes the start tag whose name begins at index `at`; answers the index after its '>', or -1. */
  quickStartTag(text: string, at: number): number {
    const end = text.length;
    const root = this.depth === 0;
    let i = at;
    let c = 0;
    let count = 0;
    let namespace: string | undefined;
    while (i < end) {
      c = text.charCodeAt(i);
      if (((CLASS[c] as number) & NAME) === 0) break;
      i++;
    }
    const nameEnd = i;
    for (;;) {
      if (i >= end) return -1;
      if (c === 0x3e || c === 0x2f) break;
      if (((CLASS[c] as number) & SPACE) === 0) return -1;
      do {
        if (++i >= end) return -1;
        c = text.charCodeAt(i);
      } while (((CLASS[c] as number) & SPACE) !== 0);
      if (c === 0x3e || c === 0x2f) break;
      // An attribute: name="value", without white space.
      if (((CLASS[c] as number) & NAME_START) === 0 || count === most) return -1;
      const start = i;
      do {
        if (++i >= end) return -1;
        c = text.charCodeAt(i);
      } while (((CLASS[c] as number) & NAME) !== 0);
      if (c !== 0x3d || i + 1 >= end) return -1;
      const name = internName(text, start, i);
      for (let k = 0; k < count; k++) {
        if (seen[k] === name) return -1;
      }
      seen[count++] = name;
      const quote = text.charCodeAt(++i);
      if (quote !== 0x27 && quote !== 0x22) return -1;
      const value = ++i;
      for (;;) {
        if (i >= end) return -1;
        c = text.charCodeAt(i);
        if (((CLASS[c] as number) & VALUE) === 0) {
          if (c === quote) break;
          if (c !== 0x27 && c !== 0x22) return -1;
        }
        i++;
      }
      if (name === 'xmlns') {
        namespace = text.slice(value, i);
        if (namespace === XML_NAMESPACE || namespace === XMLNS_NAMESPACE) return -1;
      }
      if (root) {
        const { rootAttributes, marks } = this.memory;
        const k = this.rootCount++;
        rootAttributes[k] = name;
        marks[k * 3] = this.offset(start);
        marks[k * 3 + 1] = this.offset(value);
        marks[k * 3 + 2] = this.offset(i);
      }
      if (++i >= end) return -1;
      c = text.charCodeAt(i);
    }
    const empty = c === 0x2f;
    if (empty && (i + 1 >= end || text.charCodeAt(i + 1) !== 0x3e)) return -1;
    const { limits } = this;
    if (count > limits.attributes || this.depth >= limits.depth) return -1;
    if (limits.elements !== undefined && this.elements >= limits.elements) return -1;
    if (((CLASS[text.charCodeAt(at)] as number) & NAME_START) === 0) return -1;
    if (root) {
      this.rootTagEnd = this.offset(i);
      this.plainRoot = true;
    }
    this.openPlain(internName(text, at, nameEnd), namespace, empty);
    return empty ? i + 2 : i + 1;
  }

  /** Takes the end tag whose name begins at index `at`; answers the index after its '>', or -1. */
  quickEndTag(text: string, at: number): number {
    const name = this.innermost;
    if (!matchesAt(text, at, name)) return -1;
    const after = at + name.length;
    if (after >= text.length || text.charCodeAt(after) !== 0x3e) return -1;
    this.closeElement();
    return after + 1;
  }
}
