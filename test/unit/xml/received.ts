import assert from 'node:assert/strict';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import { LIMITS } from './events.js';

export const STREAMS = 'http://etherx.jabber.org/streams';

/** The one stanza of a stream whose header declares `declarations` beside the stream prefix. */
export function only(text: string, declarations = "xmlns='jabber:client'"): Stanza {
  const stanzas: Stanza[] = [];
  const parser = new StreamParser(
    {
      streamOpened: () => {},
      stanza: (stanza) => stanzas.push(stanza),
      streamClosed: () => {},
      failed: (error) => assert.fail(error.text),
    },
    LIMITS,
  );
  parser.write(Buffer.from(`<stream:stream xmlns:stream='${STREAMS}' ${declarations}>${text}`));
  assert.equal(stanzas.length, 1);
  return stanzas[0] as Stanza;
}
