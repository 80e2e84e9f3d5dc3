import type { Element } from '../../shared/xml/element.js';
import { parseDateTime } from '../../shared/xmpp/datetime.js';
import { delayElement } from './delay.js';
import type { MessageDocument } from './rooms/documents.js';
import type { Room, Session } from './rooms/room.js';
import { extend, type Template } from './wire.js';
import type { Work } from './work.js';

/** What a newcomer asked for (XEP-0045 §7.2.14). */
interface HistoryRequest {
  readonly characters: number;
  readonly stanzas: number;
  /** Milliseconds since 1970: nothing older. */
  readonly since: number;
}

/** Reads `<history/>`. What is not a number or a date is as if it were not there. */
export function historyRequest(join: Element | undefined, now: number): HistoryRequest {
  const asked = join?.getChild('history');
  const seconds = count(asked?.attrs['seconds']);
  const since = asked?.attrs['since'];
  const from = since === undefined ? null : parseDateTime(since);
  return {
    characters: count(asked?.attrs['maxchars']),
    stanzas: count(asked?.attrs['maxstanzas']),
    since: Math.max(seconds === Number.POSITIVE_INFINITY ? 0 : now - seconds * 1000, from ?? 0),
  };
}

function count(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

/**
 * The newest complete stanzas that meet every criterion at once (§7.2.14 "the smallest amount of traffic that meets any
 * combination"), oldest first. Characters are those of the whole stanza as it is sent to `address`.
 */
export function selectHistory(
  history: readonly MessageDocument[],
  request: HistoryRequest,
  limit: number,
  room: string,
  address: string,
): Template[] {
  const most = Math.min(limit, request.stanzas);
  const chosen: Template[] = [];
  let characters = 0;
  for (let at = history.length - 1; at >= 0 && chosen.length < most; at--) {
    const message = history[at];
    if (message === undefined || message.at < request.since) break;
    // §7.9: history that its owner brought along says itself when it was.
    const text = message.delayed ? message : extend(message, 'message', delayElement(room, message.at));
    characters += text.head.length + address.length + text.tail.length;
    if (characters > request.characters) break;
    chosen.push(text);
  }
  return chosen.reverse();
}

/** What a message takes, in characters. */
export function sizeOf({ head, tail }: MessageDocument): number {
  return head.length + tail.length;
}

/** Keeps no more than so many of the newest messages, and none that would make them more than so many characters. */
export function cutHistory(room: Room, messages: number, characters: number): void {
  let size = 0;
  let from = room.history.length;
  while (from > 0 && room.history.length - from < messages) {
    const document = room.history[from - 1];
    const own = document === undefined ? 0 : sizeOf(document);
    if (size + own > characters) break;
    size += own;
    from--;
  }
  room.history = room.history.slice(from);
  room.historySize = size;
}

/** §7.2.13: after presence, before the subject. */
export function sendHistory(
  work: Work,
  room: Room,
  session: Session,
  request: HistoryRequest,
  historyBytes: number,
): void {
  const limit = room.config.historyFetch;
  // One short stanza asks for all of this, again and again: an amplifier (XEP-0205 §2).
  const characters = Math.min(request.characters, historyBytes);
  const asked = { ...request, characters };
  for (const text of selectHistory(room.history, asked, limit, room.address, session.address))
    work.sendTo(text, session);
}
