/** Reproducible documents, valid, nearly valid and hostile, for tests that compare parsers. */

export type Random = () => number;

/** Mulberry32: small, seeded, good enough to choose test input. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(next: Random, list: readonly T[]): T {
  return list[Math.floor(next() * list.length)] as T;
}

const LOCAL = ['a', 'b', 'body', 'message', 'x-1', 'q.r', '_', 'é', 'ж', 'item', 'a\u0301'];
const PREFIX = ['', '', '', '', 'p', 'q', 'xml', 'r'];
const NAMESPACE = ['urn:a', 'urn:b', 'urn:&amp;', 'urn:&#97;', 'jabber:client', 'é'];
const TEXT = [
  'hello',
  ' ',
  '\n',
  '\r\n',
  '\r',
  '\t',
  '&lt;',
  '&gt;',
  '&amp;',
  '&quot;',
  '&apos;',
  '&#65;',
  '&#x1F600;',
  '&#xd;',
  '&#10;',
  ']',
  ']]',
  '>',
  ']>',
  '"',
  "'",
  'é',
  '☃',
  '😀',
  '\u0085',
  '\u2028',
  '\u{1fffe}',
  '/',
  '=',
  'xmlns',
  '-->',
  '?>',
  '&#009;',
];
const CDATA = ['', 'x', '<', '&', ']', ']]', '>', ']>', ' ]] >', '<a>', '&lt;', '\r\n', '😀', '<![CDATA['];

function name(next: Random, prefixes: readonly string[]): string {
  const prefix = next() < 0.97 ? pick(next, prefixes) : pick(next, PREFIX);
  return prefix === '' ? pick(next, LOCAL) : `${prefix}:${pick(next, LOCAL)}`;
}

function space(next: Random): string {
  return next() < 0.9 ? ' ' : pick(next, ['  ', '\n', '\t', '\r\n ']);
}

function text(next: Random, most: number): string {
  let out = '';
  for (let i = Math.floor(next() * most); i > 0; i--) out += pick(next, TEXT);
  return out.replaceAll(']]>', ']] >');
}

function value(next: Random): string {
  const quote = next() < 0.5 ? '"' : "'";
  return quote + text(next, 4).replaceAll(quote, '') + quote;
}

function optional(next: Random, chance: number): string {
  return next() < chance ? space(next) : '';
}

/** One element that is well-formed, most of the time also by namespaces. */
export function element(next: Random, depth: number, known: readonly string[]): string {
  const prefixes = [...known];
  const attributes: string[] = [];
  const names = new Set<string>();
  for (let i = Math.floor(next() * 3); i > 0 && next() < 0.4; i--) {
    const prefix = pick(next, ['p', 'q', 'r']);
    if (names.has(`xmlns:${prefix}`)) continue;
    names.add(`xmlns:${prefix}`);
    prefixes.push(prefix);
    attributes.push(`xmlns:${prefix}='${pick(next, NAMESPACE)}'`);
  }
  if (next() < 0.2) attributes.push(`xmlns="${next() < 0.1 ? '' : pick(next, NAMESPACE)}"`);
  for (let i = Math.floor(next() * 4); i > 0; i--) {
    const one = name(next, prefixes);
    if (names.has(one) && next() < 0.97) continue;
    names.add(one);
    attributes.push(`${one}${optional(next, 0.05)}=${optional(next, 0.05)}${value(next)}`);
  }
  const tag = name(next, prefixes);
  let out = `<${tag}`;
  for (const attribute of attributes) out += space(next) + attribute;
  out += optional(next, 0.1);
  if (next() < 0.25) return `${out}/>`;
  out += '>';
  for (let i = Math.floor(next() * 5); i > 0; i--) {
    const kind = next();
    if (kind < 0.45 && depth > 0) out += element(next, depth - 1, prefixes);
    else if (kind < 0.9) out += text(next, 5);
    else out += `<![CDATA[${(pick(next, CDATA) + pick(next, CDATA)).replaceAll(']]>', ']>')}]]>`;
  }
  return `${out}</${tag}${optional(next, 0.1)}>`;
}

/** A document like a stream: a root whose content is elements and white space. */
export function document(next: Random): string {
  const declaration =
    next() < 0.3
      ? `<?xml version='1.0'${next() < 0.5 ? ' encoding="UTF-8"' : ''}?>${optional(next, 0.5)}`
      : '';
  const prefixed = next() < 0.5;
  const root = prefixed ? 'p:stream' : 'stream';
  let out = `${declaration}<${root} xmlns='${pick(next, NAMESPACE)}' xmlns:p="urn:stream">`;
  for (let i = Math.floor(next() * 4); i > 0; i--)
    out += element(next, 3, ['', '', '', 'p', 'xml']) + optional(next, 0.3);
  return `${out}</${root}>`;
}

const HOSTILE = [
  '<',
  '>',
  '&',
  '"',
  "'",
  '/',
  '=',
  ' ',
  ':',
  ';',
  ']]>',
  ']]',
  '<!',
  '<!--',
  '-->',
  '<?',
  '?>',
  '<![CDATA[',
  '&x;',
  '&#',
  '&#x',
  '&#0;',
  '&#xd800;',
  '&#xffff;',
  '&#x110000;',
  '</',
  '/>',
  '<a>',
  '</a>',
  '\u0000',
  '\u0001',
  '\u001f',
  '\ufffe',
  '\uffff',
  '\ufeff',
  'xmlns=""',
  " xmlns:p=''",
  " xmlns:xml='urn:x'",
  " xmlns:xmlns='urn:x'",
  " a='1'",
  " p:a='1'",
  " q:a='1'",
  'xml:',
  'xmlns:',
  ':a',
  " xmlns='http://www.w3.org/2000/xmlns/'",
  " xmlns:r='http://www.w3.org/XML/1998/namespace'",
  '1',
  '-',
  '.',
  '😀',
  '\u0300',
  '\r',
];

/** The document with a few things inserted, taken away, doubled or swapped. */
export function damaged(next: Random, source: string): string {
  // By code points: half a surrogate pair is no text, and cannot be sent.
  let out = [...source];
  for (let i = 1 + Math.floor(next() * 2); i > 0; i--) {
    const at = Math.floor(next() * out.length);
    const kind = next();
    if (kind < 0.5) out.splice(at, 0, ...pick(next, HOSTILE));
    else if (kind < 0.7) out.splice(at, 1);
    else if (kind < 0.8) out.splice(at, 0, ...out.slice(at, at + 12));
    else if (kind < 0.9) out = out.slice(0, at);
    else out.splice(at, 1, ...pick(next, HOSTILE));
  }
  return out.join('');
}
