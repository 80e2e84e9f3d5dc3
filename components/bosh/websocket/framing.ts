import { declarationProblem } from '../../../shared/xml/declaration.js';
import { escapeAttribute } from '../../../shared/xml/escape.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StreamParser, type XmlLimits } from '../../../shared/xml/stream-parser.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { ServerHeader } from '../upstreams/upstream.js';

/** Why a frame was refused: a stream error condition (RFC 6120 §4.9.3) and a text for the peer. */
interface FrameError {
  readonly condition: string;
  readonly text: string;
}

const lessThan = 0x3c;

/** Reads the frames of one connection (RFC 7395 §3.3.3): each a standalone XML document with one element. */
export class FrameReader {
  readonly #parser: StreamParser;
  #elements: Stanza[] = [];
  #error: FrameError | undefined;

  constructor(limits: XmlLimits) {
    this.#parser = new StreamParser(
      {
        streamOpened: () => undefined,
        stanza: (stanza) => this.#elements.push(stanza),
        streamClosed: () => {
          this.#error = { condition: 'not-well-formed', text: 'an end tag without a start tag' };
        },
        failed: (error) => {
          this.#error = error;
        },
      },
      limits,
    );
    // Around all frames, declaring nothing: what a frame does not declare itself is not declared.
    this.#parser.write(Buffer.from('<frames>'));
  }

  /** The element of one frame. After an error nothing more may be read. */
  read(frame: Buffer): Stanza | FrameError {
    if (frame[0] !== lessThan) return { condition: 'not-well-formed', text: 'a frame begins with <' };
    let document = frame;
    if (frame[1] === 0x3f) {
      const end = frame.indexOf('?>');
      const problem = end < 0 ? 'not-well-formed' : declarationProblem(frame.toString('latin1', 0, end + 2));
      if (problem !== '') return { condition: problem, text: 'XML declaration' };
      document = frame.subarray(end + 2);
    }
    this.#elements = [];
    this.#parser.write(document);
    if (this.#error !== undefined) return this.#error;
    const [element] = this.#elements;
    if (element === undefined || this.#elements.length !== 1) {
      return { condition: 'not-well-formed', text: 'a frame holds exactly one element' };
    }
    // Half an element may follow the first; the parser would take the next frame for its rest.
    if (this.#parser.takeRemainder().length > 0) {
      return { condition: 'not-well-formed', text: 'a frame holds exactly one element' };
    }
    return element;
  }
}

/** `<open/>` in answer to the client's (§3.4). */
export function writeOpen({ id, from, version, lang }: ServerHeader): string {
  let text = `<open xmlns='${NS.framing}'`;
  if (from !== undefined) text += ` from='${escapeAttribute(from)}'`;
  if (id !== undefined) text += ` id='${escapeAttribute(id)}'`;
  if (lang !== undefined) text += ` xml:lang='${escapeAttribute(lang)}'`;
  if (version !== undefined) text += ` version='${escapeAttribute(version)}'`;
  return `${text}/>`;
}

/** `<close/>` (§3.6), with the address of another endpoint where the client is to go there (§3.6.1). */
export function writeClose(seeOtherUri?: string): string {
  const uri = seeOtherUri === undefined ? '' : ` see-other-uri='${escapeAttribute(seeOtherUri)}'`;
  return `<close xmlns='${NS.framing}'${uri}/>`;
}
