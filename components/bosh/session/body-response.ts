import { escapeAttribute, escapeText } from '../../../shared/xml/escape.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { TerminalCondition } from './conditions.js';

export type BodyAttributes = Readonly<Record<string, string | number | undefined>>;

const empty = `<body xmlns='${NS.httpBind}'/>`;

/** The `<body/>` of a response. Attributes that are undefined are left out; prefixes are declared where they are used. */
export function writeBody(attributes: BodyAttributes = {}, content = ''): string {
  let start = `<body xmlns='${NS.httpBind}'`;
  let xbosh = false;
  let bare = true;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    bare = false;
    xbosh ||= name.startsWith('xmpp:');
    start += ` ${name}='${typeof value === 'number' ? value : escapeAttribute(value)}'`;
  }
  if (bare && content === '') return empty;
  if (xbosh) start += ` xmlns:xmpp='${NS.xbosh}'`;
  // XEP-0206 §"<body/> Wrapper Element" wants it where features or a stream error are inside.
  if (content.includes('<stream:')) start += ` xmlns:stream='${NS.streams}'`;
  return content === '' ? `${start}/>` : `${start}>${content}</body>`;
}

/** The `<body/>` of most responses: without attributes. */
export function writePlain(content: string): string {
  if (content === '' || content.includes('<stream:')) return writeBody({}, content);
  return `<body xmlns='${NS.httpBind}'>${content}</body>`;
}

/** A fatal error (XEP-0124 §"Terminal Binding Conditions"); `uri` goes with `see-other-uri`. */
export function writeTerminal(condition: TerminalCondition, content = '', uri?: string): string {
  const inner = uri === undefined ? content : `<uri>${escapeText(uri)}</uri>`;
  return writeBody({ type: 'terminate', condition }, inner);
}

/** XEP-0124 §"Recoverable Binding Conditions". */
export const recoverable = writeBody({ type: 'error' });
