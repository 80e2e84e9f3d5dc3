import { type Element, xml } from '../xml/element.js';
import { NS } from '../xmpp/namespaces.js';

/** The software's name and version (XEP-0092). The operating system is nobody's business (§5). */
export function versionAnswer(software: { name: string; version: string }): Element {
  return xml(
    'query',
    { xmlns: NS.version },
    xml('name', {}, software.name),
    xml('version', {}, software.version),
  );
}

/** The time here (XEP-0202): UTC, and the offset of the local time zone, numeric also where it is none. */
export function timeAnswer(now: Date = new Date()): Element {
  const minutes = -now.getTimezoneOffset();
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return xml(
    'time',
    { xmlns: NS.time },
    xml('tzo', {}, `${minutes < 0 ? '-' : '+'}${offset}`),
    xml('utc', {}, now.toISOString().replace(/\.\d+Z$/, 'Z')),
  );
}
