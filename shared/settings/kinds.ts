import { z } from 'zod';
import { AddressList } from '../net/address-list.js';
import { type BareJid, parseJid, prepareDomain } from '../xmpp/jid.js';

/** A TCP port: `0` means that the listener is off, `'auto'` any free port. */
export type Port = number | 'auto';

/** What to give to `listen`, or null where the listener is off. */
export function portToListen(port: Port): number | null {
  if (port === 'auto') return 0;
  return port === 0 ? null : port;
}

/** What to give to `listen` as its host: `*` is every address (Node falls back to IPv4 where there is no IPv6). */
export function hostToListen(host: string): string | undefined {
  return host === '*' ? undefined : host;
}

/** Makes a schema of texts whose only message is what is expected. */
function kind<T>(expected: string, parse: (text: string) => T | undefined): z.ZodType<T, string> {
  return z
    .string()
    .transform((text, context) => {
      const value = parse(text.trim());
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `expected ${expected}` });
      return z.NEVER;
    })
    .describe(expected);
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  if (!/^-?\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

/** A port to listen on. */
export const port: z.ZodType<Port, string> = kind<Port>(
  'a port: 1 to 65535, 0 (off) or auto (any free one)',
  (text) => (text === 'auto' ? 'auto' : wholeNumber(text, 0, 65535)),
);

/** A port to connect to. */
export const remotePort = kind('a port: 1 to 65535', (text) => wholeNumber(text, 1, 65535));

/** A whole number within bounds. */
export function integer(min = 0, max = Number.MAX_SAFE_INTEGER): z.ZodType<number, string> {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return kind(expected, (text) => wholeNumber(text, min, max));
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A size; the value is in bytes. */
export function byteSize(min = 0): z.ZodType<number, string> {
  return kind(`a size in bytes (or with K, M or G), at least ${min}`, (text) => {
    const match = /^(\d{1,12})\s*([kmg]?)(?:i?b)?$/i.exec(text);
    if (match === null) return undefined;
    const bytes = Number(match[1]) * (SIZE_UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
    return bytes >= min ? bytes : undefined;
  });
}

const TIME_UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 };

/** A duration; the value is in seconds. */
export function seconds(min = 0, max = 315_360_000): z.ZodType<number, string> {
  return kind(`a duration in seconds (or with s, m, h or d), at least ${min}`, (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)$/i.exec(text);
    if (match === null) return undefined;
    const value = Number(match[1]) * (TIME_UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
    return value >= min && value <= max ? value : undefined;
  });
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
]);

/** A switch. */
export const boolean = kind('true or false', (text) => BOOLEANS.get(text.toLowerCase()));

/** One of a few words. */
export function choice<const W extends string>(...words: readonly W[]): z.ZodType<W, string> {
  return kind(words.join(' | '), (text) => words.find((word) => word === text));
}

/** Any text that is not empty. */
export const text = kind('a text', (value) => (value === '' ? undefined : value));

/** A path in the file system. */
export const path = kind('a path', (value) => (value === '' ? undefined : value));

const HOST = /^(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|\*)$/;

/** A host name or an IP address. */
export const host = kind('a host name or an IP address', (value) => (HOST.test(value) ? value : undefined));

/** An address, or all of a network. */
export const network = kind('an address or a network (`192.0.2.0/24`)', (value) => {
  try {
    new AddressList([value]);
    return value;
  } catch {
    return undefined;
  }
});

/** Comma-separated words, each of which `item` reads; `none` is the empty list (an empty value counts as not set). */
export function list<T>(
  item: z.ZodType<T, string>,
  expected = item.description ?? 'a text',
): z.ZodType<T[], string> {
  return kind(`a comma-separated list, each ${expected}`, (value) => {
    const items: T[] = [];
    if (value === 'none') return items;
    for (const part of value.split(',')) {
      const word = part.trim();
      if (word === '') continue;
      const parsed = item.safeParse(word);
      if (!parsed.success) return undefined;
      items.push(parsed.data);
    }
    return items;
  });
}

/** A schema from a function that gives undefined for a text it refuses; `expected` completes "expected …". */
export function custom<T>(expected: string, parse: (text: string) => T | undefined): z.ZodType<T, string> {
  return kind(expected, parse);
}

/** A domain, in lower case as it is written; the processes prepare it (RFC 7622 §3.2), which is possible. */
export const domain = kind('a domain', (value) =>
  /^[^\s/@<>&'",]{1,1023}$/.test(value) && prepareDomain(value) !== null
    ? value.toLowerCase().replace(/\.$/, '')
    : undefined,
);

/** The bare JID of an account, prepared (RFC 7622). */
export const account: z.ZodType<BareJid, string> = kind('the bare JID of an account', (value) => {
  const jid = parseJid(value);
  return jid?.isBare && jid.local !== '' ? jid.bare : undefined;
});

/** Where a process keeps its data. */
export const storageUrl = kind('lmdb:FOLDER or mongodb://… (mongodb+srv://…)', (value) =>
  /^(lmdb:.+|mongodb(\+srv)?:\/\/.+)$/.test(value) ? value : undefined,
);
