import { Scanner, STANZA } from '../../shared/xml/scanner.js';
import { selfContained } from '../../shared/xml/self-contained.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { StreamParser, type XmlLimits } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { isStreamErrorCondition, type StreamErrorCondition } from '../../shared/xmpp/stream-error.js';

let scanner: Scanner | undefined;

/**
 * Reads the element inside one `data`, with the limits of its stream: what came over the link is checked again
 * (docs/protocols/client-link.md §5.2). Answers a stream error condition where it is wrong.
 */
export function readElement(text: string, limits: XmlLimits): Stanza | StreamErrorCondition {
  // Nothing below calls back, so one scanner serves all streams.
  scanner ??= new Scanner(limits);
  scanner.limits = limits;
  scanner.resumeIn(NS.client);
  if (scanner.scan(text, 0, false) === STANZA && text.slice(scanner.position).trim() === '') {
    return Stanza.scanned(scanner);
  }
  const { problem } = scanner;
  scanner = undefined;
  return isStreamErrorCondition(problem) ? problem : 'not-well-formed';
}

const unlimited = { stanzaBytes: Number.MAX_SAFE_INTEGER, depth: 100_000, attributes: 100_000 };
const streamStart = Buffer.from(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.streams}'>`);
const stanzaStart = /^<(?:message|presence|iq)(?=[ />])/;

/**
 * Wire text of a client stream as self-contained elements. A stanza is told by its first letters and gets its namespace
 * spliced in; what is rarer (features, SASL, stream management) is parsed, since several may come at once.
 */
export function toSelfContained(text: string): string[] {
  const start = stanzaStart.exec(text)?.[0];
  if (start !== undefined) return [`${start} xmlns='${NS.client}'${text.slice(start.length)}`];
  const elements: string[] = [];
  const parser = new StreamParser(
    {
      streamOpened: () => undefined,
      stanza: (stanza) => elements.push(selfContained(stanza)),
      streamClosed: () => undefined,
      failed: ({ condition }) => {
        throw new SyntaxError(`what we send is not XML: ${condition}`);
      },
    },
    unlimited,
  );
  parser.write(streamStart);
  parser.write(Buffer.from(text));
  return elements;
}
