import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { SaxesParser } from 'saxes';
import type { Element } from '../../../shared/xml/element.js';
import { isContentNamespace } from '../../../shared/xml/names.js';
import { CLOSE, FAILURE, NOTHING, Scanner } from '../../../shared/xml/scanner.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import { eventsOf } from './events.js';
import { damaged, document, random } from './generator.js';

/**
 * The scanner against two parsers that were written without it: a document is a whole stream. XMPP allows less than XML
 * (RFC 6120 §11.1, §11.7): those verdicts of ours are counted, not compared.
 */
const SEED = 20_261_121;
const COUNT = 6000;
const LIMITS = { stanzaBytes: 1_000_000, depth: 1000, attributes: 1000 };
const XMPP_ONLY: ReadonlySet<string> = new Set(['restricted-xml', 'bad-format', 'unsupported-encoding']);

interface Sample {
  readonly source: string;
  /** 'good', 'bad', or the condition that only XMPP knows. */
  readonly verdict: string;
  readonly why: string;
}

/** Our verdict, and the document up to the end of its root (what follows a closed stream is not looked at). */
function judge(source: string): Sample {
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

function corpus(): Sample[] {
  const next = random(SEED);
  const samples: Sample[] = [];
  for (let i = 0; i < COUNT; i++) {
    const whole = document(next);
    samples.push(judge(i % 3 === 0 ? whole : damaged(next, whole)));
  }
  return samples;
}

const samples = corpus();

test('the corpus has enough of each kind', () => {
  const counts = new Map<string, number>();
  for (const { verdict } of samples) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const share = (verdict: string): number => (counts.get(verdict) ?? 0) / samples.length;
  assert.ok(share('good') > 0.25, `good: ${share('good')}`);
  assert.ok(share('bad') > 0.25, `bad: ${share('bad')}`);
  assert.ok(share('restricted-xml') > 0.01, `restricted: ${share('restricted-xml')}`);
});

function saxesVerdict(source: string): string {
  let verdict = 'good';
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', () => {
    verdict = 'bad';
  });
  parser.write(source).close();
  return verdict;
}

test('saxes gives the same verdict', () => {
  for (const { source, verdict, why } of samples) {
    if (XMPP_ONLY.has(verdict)) continue;
    // It lets a local name begin with any name character after the colon, against Namespaces in XML §4. Expat does not.
    if (why === 'malformed name') continue;
    // RFC 6120 §11.6: U+FEFF is no byte order mark here.
    if (source.startsWith('\ufeff')) continue;
    assert.equal(verdict, saxesVerdict(source), JSON.stringify(source));
  }
});

test('the corpus gives the same events however it is cut, under any limits', () => {
  const next = random(SEED + 1);
  for (const { source } of samples) {
    const bytes = Buffer.from(source);
    const limits = {
      stanzaBytes: 20 + Math.floor(next() * 300),
      depth: 1 + Math.floor(next() * 5),
      attributes: Math.floor(next() * 6),
    };
    for (const bounds of [LIMITS, limits]) {
      const whole = eventsOf([bytes], bounds);
      const chunks: Uint8Array[] = [];
      const mean = 1 + next() * 40;
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(next() * mean);
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(eventsOf(chunks, bounds), whole, JSON.stringify(source));
    }
  }
});

/** Namespaces, names, attributes and text of a tree, in one canonical form. */
interface Canonical {
  readonly name: string;
  readonly attributes: string[];
  readonly content: (Canonical | string)[];
}

function canonicalOfTree(element: Element, inherited: string): Canonical {
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

function canonicalOfSaxes(source: string): (Canonical | string)[] {
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

test('trees of stanzas say what saxes read', () => {
  let compared = 0;
  for (const { source, verdict } of samples) {
    if (verdict !== 'good') continue;
    const ours: Canonical[] = [];
    let content = '';
    const parser = new StreamParser(
      {
        streamOpened: (header) => {
          content = header.defaultNamespace;
        },
        stanza: (stanza) => {
          ours.push(canonicalOfTree(stanza.element, content));
          // And what is written says the same as what was read.
          const stream = isContentNamespace(stanza.namespace) ? stanza.namespace : content;
          const again = canonicalOfTree(received(stanza.text, stream), stream);
          assert.deepEqual(again, ours.at(-1), source);
        },
        streamClosed: () => {},
        failed: (error) => assert.fail(error.text),
      },
      LIMITS,
    );
    parser.write(Buffer.from(source));
    const theirs = canonicalOfSaxes(source).filter((node) => typeof node !== 'string');
    assert.deepEqual(ours, theirs, JSON.stringify(source));
    compared += theirs.length;
  }
  assert.ok(compared > 1000);
});

/** The tree of wire text that a stream with that content namespace carries. */
function received(text: string, contentNamespace: string): Element {
  let found: Element | undefined;
  const parser = new StreamParser(
    {
      streamOpened: () => {},
      stanza: (stanza) => {
        found = stanza.element;
      },
      streamClosed: () => {},
      failed: (error) => assert.fail(`${error.text}: ${text}`),
    },
    LIMITS,
  );
  parser.write(Buffer.from(`<s xmlns='${contentNamespace.replaceAll('&', '&amp;')}'>${text}`));
  return found as Element;
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

/** Expat knows the names of XML 1.0's fourth edition: what only the fifth lets stand in a name is replaced for it. */
const FIFTH_EDITION_NAMES = /[\u{10000}-\u{effff}\u2070-\u218f\u2c00-\u2fef]|\u200c|\u200d|\u037f|\ufeff/gu;

test('expat gives the same verdict', { timeout: 60_000 }, async (t) => {
  if (spawnSync('python3', ['-c', 'import pyexpat']).status !== 0) {
    t.skip('python3 with pyexpat is not installed');
    return;
  }
  const child: ChildProcess = spawn('python3', ['-c', EXPAT], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  // It takes any version number, and knows other encodings.
  const compared = samples
    .map(({ source }) => judge(source.replaceAll(FIFTH_EDITION_NAMES, 'é')))
    .filter(({ verdict, why }) => !XMPP_ONLY.has(verdict) && why !== 'XML declaration');
  const replies: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => replies.push(chunk));
  for (const { source } of compared) {
    const bytes = Buffer.from(source);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes.length);
    child.stdin?.write(Buffer.concat([head, bytes]));
  }
  child.stdin?.end();
  await once(child, 'close');
  const verdicts = Buffer.concat(replies).toString();
  assert.equal(verdicts.length, compared.length);
  compared.forEach(({ source, verdict }, i) => {
    assert.equal(verdict, verdicts[i] === '1' ? 'good' : 'bad', JSON.stringify(source));
  });
  assert.ok(compared.length > COUNT / 2);
});
