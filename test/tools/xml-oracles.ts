import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { SaxesParser } from 'saxes';
import type { Element } from '../../shared/xml/element.js';
import { CLOSE, FAILURE, NOTHING, Scanner } from '../../shared/xml/scanner.js';

// Parsers that were written without ours, and what ours says of a whole stream as one document.

const LIMITS = { stanzaBytes: 50_000_000, depth: 1000, attributes: 1000 };

/** XMPP allows less than XML (RFC 6120 §11.1, §11.7): verdicts that have no counterpart. */
export const XMPP_ONLY: ReadonlySet<string> = new Set([
  'restricted-xml',
  'bad-format',
  'unsupported-encoding',
]);

export interface Sample {
  readonly source: string;
  /** 'good', 'bad', or the condition that only XMPP knows. */
  readonly verdict: string;
  readonly why: string;
}

/** Our verdict, and the document up to the end of its root (what follows a closed stream is not looked at). */
export function judge(source: string): Sample {
  const scanner = new Scanner(LIMITS);
  let at = 0;
  for (;;) {
    const event = scanner.scan(source, at, false);
    at = scanner.position;
    if (event === CLOSE || (event !== FAILURE && scanner.closed)) {
      return { source: source.slice(0, at), verdict: 'good', why: '' };
    }
    if (event === NOTHING) return { source, verdict: 'bad', why: 'incomplete' };
    if (event === FAILURE) {
      const verdict = XMPP_ONLY.has(scanner.problem) ? scanner.problem : 'bad';
      return { source, verdict, why: scanner.problemText };
    }
  }
}

/** What saxes says of a document, and what it saw in it that XMPP does not allow. */
export function saxesVerdict(source: string): {
  verdict: 'good' | 'bad';
  restricted: boolean;
  loose: boolean;
} {
  let verdict: 'good' | 'bad' = 'good';
  let restricted = false;
  let loose = false;
  let depth = 0;
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', () => {
    verdict = 'bad';
  });
  const restrictedSeen = (): void => {
    if (verdict === 'good') restricted = true;
  };
  parser.on('comment', restrictedSeen);
  parser.on('processinginstruction', restrictedSeen);
  parser.on('doctype', restrictedSeen);
  parser.on('opentag', () => {
    depth++;
  });
  parser.on('closetag', () => {
    depth--;
  });
  parser.on('text', (text) => {
    if (verdict === 'good' && depth === 1 && /[^ \t\r\n]/.test(text)) loose = true;
  });
  parser.on('cdata', () => {
    if (verdict === 'good' && depth === 1) loose = true;
  });
  parser.write(source).close();
  return { verdict, restricted, loose };
}

/** Namespaces, names, attributes and text of a tree, in one canonical form. */
export interface Canonical {
  readonly name: string;
  readonly attributes: string[];
  readonly content: (Canonical | string)[];
}

export function canonicalOfTree(element: Element, inherited: string): Canonical {
  const inForce = element.attrs['xmlns'] ?? inherited;
  const colon = element.name.indexOf(':');
  const resolve = (prefix: string): string =>
    prefix === 'xml' ? 'http://www.w3.org/XML/1998/namespace' : (element.findNS(prefix) ?? '');
  const namespace = colon < 0 ? inForce : resolve(element.name.slice(0, colon));
  const attributes: string[] = [];
  for (const [name, value] of Object.entries(element.attrs)) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const at = name.indexOf(':');
    attributes.push(`{${at < 0 ? '' : resolve(name.slice(0, at)).trim()}}${name.slice(at + 1)}=${value}`);
  }
  return {
    // Saxes takes white space off the ends of a namespace name; neither Namespaces in XML nor expat does.
    name: `{${namespace.trim()}}${element.getName()}`,
    attributes: attributes.sort(),
    content: element.children.map((node) =>
      typeof node === 'string' ? node : canonicalOfTree(node, inForce),
    ),
  };
}

export function canonicalOfSaxes(source: string): (Canonical | string)[] {
  const top: Canonical = { name: '', attributes: [], content: [] };
  const open = [top];
  const parser = new SaxesParser({ xmlns: true, position: false });
  const text = (data: string): void => {
    const content = (open.at(-1) as Canonical).content;
    if (typeof content.at(-1) === 'string') content.push((content.pop() as string) + data);
    else if (data !== '') content.push(data);
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('opentag', (tag) => {
    const attributes = Object.values(tag.attributes)
      .filter((one) => one.prefix !== 'xmlns' && one.name !== 'xmlns')
      .map((one) => `{${one.uri}}${one.local}=${one.value}`)
      .sort();
    const element = { name: `{${tag.uri}}${tag.local}`, attributes, content: [] };
    (open.at(-1) as Canonical).content.push(element);
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  parser.write(source).close();
  return (top.content.find((node) => typeof node !== 'string') as Canonical).content;
}

const EXPAT = `
import sys, struct, pyexpat
data, out = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = data.read(4)
    if len(head) < 4: break
    document = data.read(struct.unpack('>I', head)[0])
    parser = pyexpat.ParserCreate(None, '\x0c')
    try:
        parser.Parse(document, True)
        out.write(b'1')
    except pyexpat.ExpatError:
        out.write(b'0')
    out.flush()
`;

/** Expat knows the names of XML 1.0's fourth edition: what only the fifth lets stand in a name. */
const FIFTH_EDITION_NAMES = /[\u{10000}-\u{effff}\u2070-\u218f\u2c00-\u2fef]|\u200c|\u200d|\u037f|\ufeff/gu;

export function withoutFifthEditionNames(source: string): string {
  return source.replaceAll(FIFTH_EDITION_NAMES, 'é');
}

/** libexpat, through Python: one process for any number of documents. */
export class Expat {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (good: boolean) => void; reject: (error: Error) => void }[] = [];

  static installed(): boolean {
    return spawnSync('python3', ['-c', 'import pyexpat']).status === 0;
  }

  constructor() {
    this.#child = spawn('python3', ['-c', EXPAT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      for (const byte of chunk) this.#waiting.shift()?.resolve(byte === 0x31);
    });
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('expat is gone'));
    });
  }

  /** Whether it takes these bytes as a document, well-formed also by namespaces. */
  accepts(bytes: Buffer): Promise<boolean> {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes.length);
    this.#child.stdin?.write(Buffer.concat([head, bytes]));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  stop(): void {
    this.#child.kill();
  }
}
