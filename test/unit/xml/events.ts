import { StreamParser, type XmlLimits } from '../../../shared/xml/stream-parser.js';

/** What a parser reported, as plain data. */
export type Event = readonly unknown[];

export const LIMITS: XmlLimits = { stanzaBytes: 10_000, depth: 20, attributes: 30 };

export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";

/** The events that these chunks make, the error last where there is one. */
export function eventsOf(chunks: readonly Uint8Array[], limits: XmlLimits = LIMITS): Event[] {
  const events: Event[] = [];
  const parser = new StreamParser(
    {
      streamOpened: (header) => {
        events.push([
          'opened',
          { ...header, prefixes: [...header.prefixes], attributes: [...header.attributes] },
        ]);
      },
      stanza: (stanza) => {
        events.push(['stanza', stanza.namespace, stanza.source, stanza.text, stanza.element.toString()]);
      },
      streamClosed: () => events.push(['closed']),
      failed: (error) => events.push(['failed', error.condition, error.text]),
    },
    limits,
  );
  for (const chunk of chunks) parser.write(Buffer.from(chunk));
  return events;
}

export function eventsOfText(text: string, limits: XmlLimits = LIMITS): Event[] {
  return eventsOf([Buffer.from(text)], limits);
}

/** The condition of the stream error at the end of events, or what ended them. */
export function verdict(events: readonly Event[]): string {
  const last = events.at(-1);
  if (last === undefined) return 'nothing';
  return String(last[0] === 'failed' ? last[1] : last[0]);
}
