import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { childElements, type Element, namespaceOf } from '../xml/element.js';
import { escapeAttribute } from '../xml/escape.js';
import { Stanza } from '../xml/stanza.js';
import { writeElement } from '../xml/write.js';
import { PIE, XINCLUDE } from './part.js';

/** A user of a portable document, and where it was found. */
export interface PortableUser {
  readonly domain: string;
  readonly name: string;
  readonly user: Element;
  readonly file: string;
}

/** Included files deeper than this are a circle. */
const INCLUDE_DEPTH = 4;

/** The users of a portable document (XEP-0227), those in files that it includes among them, one at a time. */
export async function* usersOf(file: string): AsyncGenerator<PortableUser> {
  const root = await parseFile(file);
  if (!isPie(root, 'server-data'))
    throw new SyntaxError(`${file}: the root is not <server-data xmlns='${PIE}'/>`);
  for await (const host of resolved(root, file, 0)) {
    if (!isPie(host.element, 'host')) continue;
    const domain = host.element.attrs['jid'] ?? '';
    for await (const { element, file: from } of resolved(host.element, host.file, 0)) {
      if (isPie(element, 'user'))
        yield { domain, name: element.attrs['name'] ?? '', user: element, file: from };
    }
  }
}

/** The data of a user: its children, with what they include. */
export async function* dataOf({ user, file }: PortableUser): AsyncGenerator<Element> {
  for await (const { element } of resolved(user, file, 0)) yield element;
}

interface Located {
  readonly element: Element;
  readonly file: string;
}

/** The children of an element; an XInclude `<include href='…'/>` is replaced by the root of that file (§"Use of XInclude"). */
async function* resolved(parent: Element, file: string, depth: number): AsyncGenerator<Located> {
  for (const element of childElements(parent)) {
    if (element.getName() !== 'include' || namespaceOf(element) !== XINCLUDE) {
      yield { element, file };
      continue;
    }
    const { href, parse, xpointer } = element.attrs;
    if (href === undefined || parse !== undefined || xpointer !== undefined || depth >= INCLUDE_DEPTH) {
      throw new SyntaxError(`${file}: cannot follow ${writeElement(element)}`);
    }
    const included = relativePath(file, href);
    const root = await parseFile(included);
    // What is included may itself be nothing but an include.
    if (root.getName() === 'include' && namespaceOf(root) === XINCLUDE) {
      const wrapper = Stanza.parse(`<x>${writeElement(root)}</x>`).element;
      yield* resolved(wrapper, included, depth + 1);
    } else yield { element: root, file: included };
  }
}

/** A relative URI as a path beside the file that holds it; anything absolute is refused. */
function relativePath(file: string, href: string): string {
  const path = decodeURIComponent(href);
  if (/^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('/')) {
    throw new SyntaxError(`${file}: only relative files can be included, not ${href}`);
  }
  return normalize(join(dirname(file), path));
}

async function parseFile(file: string): Promise<Element> {
  const text = await readFile(file, 'utf8');
  try {
    return Stanza.parse(text.replace(/^\uFEFF?\s*(<\?xml[^>]*\?>)?\s*/, ''), PIE).element;
  } catch (error) {
    throw new SyntaxError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isPie(element: Element, name: string): boolean {
  return element.getName() === name && namespaceOf(element) === PIE;
}

/** Writes a portable document piece by piece: it can be larger than memory. */
export class PortableWriter {
  private readonly write: (text: string) => Promise<void>;
  private domain: string | null = null;

  constructor(write: (text: string) => Promise<void>) {
    this.write = write;
  }

  begin(): Promise<void> {
    return this.write(`<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='${PIE}'>\n`);
  }

  /** Accounts come ordered by domain. */
  async user(
    domain: string,
    name: string,
    attributes: Readonly<Record<string, string>>,
    data: readonly Element[],
  ): Promise<void> {
    if (domain !== this.domain) {
      if (this.domain !== null) await this.write('</host>\n');
      await this.write(`<host jid='${escapeAttribute(domain)}'>\n`);
      this.domain = domain;
    }
    const written = Object.entries({ name, ...attributes }).map(
      ([key, value]) => ` ${key}='${escapeAttribute(value)}'`,
    );
    await this.write(`<user${written.join('')}>\n`);
    for (const element of data) await this.write(`${writeElement(element, PIE)}\n`);
    await this.write('</user>\n');
  }

  async end(): Promise<void> {
    if (this.domain !== null) await this.write('</host>\n');
    await this.write('</server-data>\n');
  }
}
