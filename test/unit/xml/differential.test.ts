import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Element } from '../../../shared/xml/element.js';
import { isContentNamespace } from '../../../shared/xml/names.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import {
  type Canonical,
  canonicalOfSaxes,
  canonicalOfTree,
  Expat,
  judge,
  type Sample,
  saxesVerdict,
  withoutFifthEditionNames,
  XMPP_ONLY,
} from '../../tools/xml-oracles.js';
import { eventsOf } from './events.js';
import { damaged, document, random } from './generator.js';

/**
 * The scanner against two parsers that were written without it: a document is a whole stream. XMPP allows less than XML
 * (RFC 6120 §11.1, §11.7): those verdicts of ours are counted, not compared.
 */
const SEED = 20_261_121;
const COUNT = 6000;
const LIMITS = { stanzaBytes: 1_000_000, depth: 1000, attributes: 1000 };

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

test('saxes gives the same verdict', () => {
  for (const { source, verdict, why } of samples) {
    if (XMPP_ONLY.has(verdict)) continue;
    // It lets a local name begin with any name character after the colon, against Namespaces in XML §4. Expat does not.
    if (why === 'malformed name') continue;
    // RFC 6120 §11.6: U+FEFF is no byte order mark here.
    if (source.startsWith('\ufeff')) continue;
    assert.equal(verdict, saxesVerdict(source).verdict, JSON.stringify(source));
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

test('expat gives the same verdict', { timeout: 60_000 }, async (t) => {
  if (!Expat.installed()) {
    t.skip('python3 with pyexpat is not installed');
    return;
  }
  const expat = new Expat();
  t.after(() => expat.stop());
  const compared = samples
    .map(({ source }) => judge(withoutFifthEditionNames(source)))
    .filter(({ verdict, why }) => !XMPP_ONLY.has(verdict) && why !== 'XML declaration');
  const verdicts = await Promise.all(compared.map(({ source }) => expat.accepts(Buffer.from(source))));
  compared.forEach(({ source, verdict }, i) => {
    assert.equal(verdict, verdicts[i] ? 'good' : 'bad', JSON.stringify(source));
  });
  assert.ok(compared.length > COUNT / 2);
});
