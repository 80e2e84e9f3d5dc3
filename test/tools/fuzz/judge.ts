import { SaxesParser } from 'saxes';

/** One first-level element that is about to be said. */
export interface Said {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What saxes makes of text that is about to be said inside a stream. */
interface Judgement {
  readonly elements: readonly Said[];
  /** All closed, the stream closed, cut off in an element, or not to be read. */
  readonly end: 'between' | 'closed' | 'inside' | 'bad';
  /** Deeper or wider or larger than the server takes. */
  readonly beyondLimits: boolean;
}

const MOST = { bytes: 200_000, depth: 60, attributes: 60 };

export function judgeSaid(text: string, header: string): Judgement {
  const elements: Said[] = [];
  let bad = false;
  let depth = 0;
  let beyondLimits = Buffer.byteLength(text) > MOST.bytes;
  const parser = new SaxesParser({ xmlns: true, position: false });
  const refuse = (): void => {
    bad = true;
  };
  parser.on('error', refuse);
  parser.on('comment', refuse);
  parser.on('processinginstruction', refuse);
  parser.on('doctype', refuse);
  parser.on('cdata', () => {
    if (depth === 1) bad = true;
  });
  parser.on('text', (data) => {
    if (depth === 1 && /[^ \t\r\n]/.test(data)) bad = true;
  });
  parser.on('opentag', (tag) => {
    depth++;
    const names = Object.keys(tag.attributes);
    if (depth > MOST.depth || names.length > MOST.attributes) beyondLimits = true;
    if (depth !== 2 || bad) return;
    const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const name of names) attributes[name] = tag.attributes[name]?.value ?? '';
    elements.push({ name: tag.local, namespace: tag.uri, attributes });
  });
  parser.on('closetag', () => {
    depth--;
  });
  parser.write(header);
  let inside = false;
  parser.write(text);
  // White space shows whether a tag or a reference is still open.
  const before = elements.length;
  if (!bad && depth >= 1) {
    parser.write('<probe/>');
    inside = depth !== 1 || elements.length !== before + 1 || elements.at(-1)?.name !== 'probe';
    if (!inside) elements.pop();
  }
  const closed = depth === 0;
  return { elements, end: bad ? 'bad' : closed ? 'closed' : inside ? 'inside' : 'between', beyondLimits };
}
