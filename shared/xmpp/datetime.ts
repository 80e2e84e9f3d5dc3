import { childElements, type Element, xml } from '../xml/element.js';
import { NS } from './namespaces.js';

/** Dates and times on the wire: the profiles of XEP-0082, delayed delivery (XEP-0203), and reading their predecessor (XEP-0091). */

const zone = /(?:Z|([+-])(\d\d):(\d\d))/.source;
const dateTimePattern = new RegExp(
  `^(\\d{4})-(\\d\\d)-(\\d\\d)T(\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d+))?${zone}$`,
);

/** A DateTime in UTC, to the millisecond: `1969-07-21T02:56:15.000Z`. Takes a Date or milliseconds since 1970. */
export function formatDateTime(time: Date | number): string {
  return new Date(time).toISOString();
}

/** Milliseconds since 1970 of a DateTime, which must name its zone; null where the text is none or no such day exists. */
export function parseDateTime(text: string): number | null {
  const match = dateTimePattern.exec(text);
  if (match === null) return null;
  const [, year = '', month = '', day = '', hours = '', minutes = '', seconds = '', fraction = ''] = match;
  const midnight = daysToTime(Number(year), Number(month), Number(day));
  const time = timeOfDay(hours, minutes, seconds, fraction);
  const offset = zoneOffset(match[8], match[9], match[10]);
  return midnight === null || time === null || offset === null ? null : midnight + time - offset;
}

/** Milliseconds since 1970 of a legacy or a present-day DateTime (XEP-0082 §4 asks to take either); null where it is neither. */
export function parseLegacyDateTime(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d:\d\d:\d\d)$/.exec(text);
  return parseDateTime(match === null ? text : `${match[1]}-${match[2]}-${match[3]}T${match[4]}Z`);
}

interface Delay {
  /** Who delayed it; undefined where the note does not say. */
  readonly from: string | undefined;
  /** Milliseconds since 1970. */
  readonly stamp: number;
  readonly reason?: string | undefined;
}

/** A `<delay/>` (XEP-0203 §2); its stamp is in UTC. */
export function delayElement(delay: { from?: string; stamp: Date | number; reason?: string }): Element {
  const attributes = { xmlns: NS.delay, from: delay.from, stamp: formatDateTime(delay.stamp) };
  return xml('delay', attributes, delay.reason);
}

/** Every readable delay note of a stanza, in order, XEP-0203's and XEP-0091's. Anyone can forge them: see XEP-0203 §5. */
export function delaysOf(stanza: Element): Delay[] {
  const delays: Delay[] = [];
  for (const child of childElements(stanza)) {
    const legacy = child.is('x', NS.legacyDelay);
    if (!legacy && !child.is('delay', NS.delay)) continue;
    const text = child.attrs['stamp'] ?? '';
    const stamp = legacy ? parseLegacyDateTime(text) : parseDateTime(text);
    if (stamp === null) continue;
    delays.push({ from: child.attrs['from'], stamp, reason: child.getText().trim() || undefined });
  }
  return delays;
}

function daysToTime(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && day > 0 ? date.getTime() : null;
}

function timeOfDay(hours: string, minutes: string, seconds: string, fraction: string): number | null {
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  // 24:00:00 is the end of a day in XML Schema; a leap second is not in it.
  if (m > 59 || s > 59 || h > 24 || (h === 24 && (m > 0 || s > 0 || Number(fraction) > 0))) return null;
  return ((h * 60 + m) * 60 + s) * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
}

/** Milliseconds east of UTC; null beyond the 14 hours of XML Schema. */
function zoneOffset(sign: string | undefined, hours = '0', minutes = '0'): number | null {
  const total = Number(hours) * 60 + Number(minutes);
  if (total > 14 * 60 || Number(minutes) > 59) return null;
  return (sign === '-' ? -total : total) * 60_000;
}
