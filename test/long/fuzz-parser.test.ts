import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StreamParser } from '../../shared/xml/stream-parser.js';
import { caseSeed, Dice } from '../tools/fuzz/dice.js';
import { anyStream, paperWorld } from '../tools/fuzz/documents.js';
import { minimise, pieces } from '../tools/fuzz/minimise.js';
import { cut, mutateBytes, mutateText } from '../tools/fuzz/xml-mutations.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';
import {
  canonicalOfSaxes,
  canonicalOfTree,
  Expat,
  judge,
  type Sample,
  saxesVerdict,
  withoutFifthEditionNames,
  XMPP_ONLY,
} from '../tools/xml-oracles.js';
import { eventsOf } from '../unit/xml/events.js';

// The parser against saxes and libexpat, on streams that a client might send, nearly might, or sends to break it.

const LIMITS = { stanzaBytes: 50_000_000, depth: 1000, attributes: 1000 };
/** Our bounds, which other parsers do not have. */
const BEYOND: ReadonlySet<string> = new Set([
  'stanza too big',
  'too many attributes',
  'too many elements',
  'elements nested too deeply',
]);
const BATCH = 200;
const seed = chosenSeed();

/** Bytes of one case: a stream, in most cases damaged as text, in some also as bytes. */
function bytesOf(dice: Dice): Buffer {
  const whole = anyStream(dice, paperWorld);
  const text = dice.chance(0.3) ? whole : mutateText(dice, whole);
  const bytes = Buffer.from(text);
  return dice.chance(0.15) ? mutateBytes(dice, bytes) : bytes;
}

/** The text of the bytes, null where they are not UTF-8. */
function textOf(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Whether nothing but the rest of the last character is missing: a stream's parser waits for it. */
function isCutShort(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with our verdict beside that of saxes, or ''. */
function besideSaxes({ source, verdict, why }: Sample): string {
  if (BEYOND.has(why)) return '';
  // It lets a local name begin with any name character after the colon, against Namespaces in XML §4. Expat does not.
  if (why === 'malformed name') return '';
  // RFC 6120 §11.6: U+FEFF is no byte order mark here.
  if (source.startsWith('\ufeff')) return '';
  // It takes white space off the ends of a namespace name, so that two of them may become one; expat does not.
  if (/xmlns(?::[^=\s]+)?\s*=\s*["'](?:[\s&]|[^"']*[\s;]["'])/.test(source)) return '';
  const theirs = saxesVerdict(source);
  if (!XMPP_ONLY.has(verdict)) {
    if (verdict !== theirs.verdict) return `saxes says ${theirs.verdict}, we ${verdict} (${why})`;
    // What XMPP forbids is never taken (RFC 6120 §11.1, §11.7).
    if (verdict === 'good' && theirs.restricted) return 'a comment, processing instruction or DTD was taken';
    if (verdict === 'good' && theirs.loose) return 'text between stanzas was taken';
    return '';
  }
  // And what is refused as forbidden is there, or it is not even XML.
  if (theirs.verdict === 'bad') return '';
  if (verdict === 'restricted-xml' && !theirs.restricted) return 'nothing restricted is in it';
  // White space written as a reference is text to us; saxes does not tell it from plain white space.
  const referred = /&#(?:x0*(?:9|a|d|20)|0*(?:9|10|13|32));/i.test(source);
  if (verdict === 'bad-format' && !theirs.loose && !referred && !/version\s*=\s*["']1\.[1-9]/.test(source))
    return 'no text is between its stanzas';
  return '';
}

/** The same events however the bytes are cut, however often the handler pauses, under any limits. */
function cutAnywhere(dice: Dice, bytes: Buffer): string {
  const limits = {
    stanzaBytes: 20 + dice.below(3000),
    depth: 1 + dice.below(6),
    attributes: dice.below(8),
  };
  for (const bounds of [LIMITS, limits]) {
    const whole = JSON.stringify(eventsOf([bytes], bounds));
    if (JSON.stringify(eventsOf(cut(dice, bytes), bounds)) !== whole) return 'cut differently, other events';
  }
  return '';
}

/** Where all is well, our trees say what saxes read. */
function sameTrees(source: string): string {
  const ours: unknown[] = [];
  let content = '';
  let failed = '';
  const parser = new StreamParser(
    {
      streamOpened: (header) => {
        content = header.defaultNamespace;
      },
      stanza: (stanza) => ours.push(canonicalOfTree(stanza.element, content)),
      streamClosed: () => {},
      failed: ({ condition }) => {
        failed = condition;
      },
    },
    LIMITS,
  );
  parser.write(Buffer.from(source));
  if (failed !== '') return `the stream parser says ${failed}, the scanner nothing`;
  const theirs = canonicalOfSaxes(source).filter((node) => typeof node !== 'string');
  // The content namespaces are one inside the server (RFC 6120 §4.8.2): our trees name that of clients.
  const written = (trees: unknown): string =>
    JSON.stringify(trees).replaceAll(/\{jabber:(?:server|component:accept)\}/g, '{jabber:client}');
  return written(ours) === written(theirs) ? '' : 'other trees than those of saxes';
}

/** All that can be said of one case without another process; '' where all is well. */
function problemOf(bytes: Buffer, dice: Dice): string {
  const cutting = cutAnywhere(dice, bytes);
  if (cutting !== '') return cutting;
  const text = textOf(bytes);
  if (text === null) {
    const last = eventsOf([bytes], LIMITS).at(-1);
    if (last?.[0] === 'closed' || last?.[0] === 'failed' || isCutShort(bytes)) return '';
    return 'what is not UTF-8 was taken';
  }
  const sample = judge(text);
  const beside = besideSaxes(sample);
  if (beside !== '') return beside;
  // Where saxes alone refuses what it has trimmed, it has no tree either.
  const comparable = sample.verdict === 'good' && saxesVerdict(sample.source).verdict === 'good';
  return comparable ? sameTrees(sample.source) : '';
}

/** What to ask expat, with our verdict; null where it cannot judge. */
function forExpat(bytes: Buffer): { bytes: Buffer; good: boolean } | null {
  const text = textOf(bytes);
  if (text === null) {
    // Our verdict is of what comes before the root is closed; the rest is not looked at.
    const closed = eventsOf([bytes], LIMITS).at(-1)?.[0] === 'closed';
    // It takes bytes for UTF-16 by their beginning, and other encodings by their declaration.
    return closed || bytes[0] === 0xfe || bytes[0] === 0xff || /encoding/.test(bytes.toString('latin1'))
      ? null
      : { bytes, good: false };
  }
  const sample = judge(withoutFifthEditionNames(text));
  // It takes any version number, and knows other encodings.
  if (XMPP_ONLY.has(sample.verdict) || BEYOND.has(sample.why) || sample.why === 'XML declaration')
    return null;
  return { bytes: Buffer.from(sample.source), good: sample.verdict === 'good' };
}

async function shown(bytes: Buffer, fails: (bytes: Buffer) => boolean | Promise<boolean>): Promise<string> {
  const parts = await minimise(pieces(bytes.toString('latin1')), (part) =>
    fails(Buffer.from(part.join(''), 'latin1')),
  );
  const small = Buffer.from(parts.join(''), 'latin1');
  return JSON.stringify((await fails(small)) ? small.toString('latin1') : bytes.toString('latin1'));
}

test('the parser gives the verdict of saxes and libexpat, however the bytes are cut', async (t: TestContext) => {
  t.diagnostic(`ENTOURAGE_SEED=${seed}`);
  console.log(`# fuzzing the parser: ENTOURAGE_SEED=${seed}`);
  const expat = Expat.installed() ? new Expat() : undefined;
  t.after(() => expat?.stop());
  const end = performance.now() + attackMilliseconds({ short: 8 / 60, full: 1 });
  const counts = new Map<string, number>();
  let cases = 0;
  let compared = 0;
  while (performance.now() < end) {
    const asked: Promise<void>[] = [];
    for (let i = 0; i < BATCH; i++, cases++) {
      const number = cases;
      const dice = new Dice(caseSeed(seed, 'parser', number));
      const bytes = bytesOf(dice);
      const cutSeed = dice.below(2 ** 32);
      const problem = problemOf(bytes, new Dice(cutSeed));
      if (problem !== '') {
        const small = await shown(bytes, (part) => problemOf(part, new Dice(cutSeed)) === problem);
        assert.fail(`case ${number} of ENTOURAGE_SEED=${seed}: ${problem}: ${small}`);
      }
      const text = textOf(bytes);
      const verdict = text === null ? 'not UTF-8' : judge(text).verdict;
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
      const question = forExpat(bytes);
      if (question === null || expat === undefined) continue;
      compared++;
      asked.push(
        expat.accepts(question.bytes).then(async (good) => {
          if (good === question.good) return;
          const differs = async (part: Buffer): Promise<boolean> => {
            const again = forExpat(part);
            return (
              again !== null &&
              again.good === question.good &&
              (await expat.accepts(again.bytes)) !== again.good
            );
          };
          const small = await shown(question.bytes, differs);
          assert.fail(`case ${number} of ENTOURAGE_SEED=${seed}: expat says ${good}: ${small}`);
        }),
      );
    }
    await Promise.all(asked);
  }
  console.log(
    `# parser: ${cases} cases (${[...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ')}), ${compared} beside expat`,
  );
  assert.ok((counts.get('good') ?? 0) > cases / 10, 'too few good documents');
  if (expat === undefined) t.skip('python3 with pyexpat is not installed: compared with saxes only');
});
