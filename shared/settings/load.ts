import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { checkUnknown, type KnownNames, namesOf, prefixOf } from './known.js';
import {
  expectedText,
  isFamily,
  type Loaded,
  type Readable,
  type ReadText,
  type Setting,
  type SettingEntries,
  type SettingsDefinition,
} from './setting.js';
import { type SettingProblem, SettingsError } from './settings-error.js';
import { type FoundText, type SettingSource, SettingSources } from './sources.js';

export interface LoadOptions {
  /** `core`, `muc`, …: its upper-case form is the prefix that overrides shared settings. */
  readonly process: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Default: `.env` in the working directory. */
  readonly dotenvPath?: string;
  /** Every name of every process: unknown ones are then problems. Without it only this process's prefix is checked. */
  readonly known?: KnownNames;
  /** The definition is a part of the process's: what it does not know is not looked at. */
  readonly partial?: boolean;
}

const HIDDEN = '(hidden)';

/** One setting as it is in force. */
export interface SettingReport {
  readonly name: string;
  /** As given or by default; null where not set; `(hidden)` for secrets. */
  readonly value: string | null;
  readonly source: SettingSource;
  /** The key that gave it. */
  readonly key: string;
  readonly description: string;
  readonly secret: boolean;
}

/**
 * Reads the settings of one process from the environment and `.env`.
 * @throws SettingsError with every problem.
 */
export function loadSettings<D extends SettingEntries>(
  definition: SettingsDefinition<D>,
  options: LoadOptions,
): Loaded<D> {
  const { settings, problems } = resolveSettings(definition, options);
  if (settings === undefined) throw new SettingsError(problems);
  return settings;
}

/** The same as {@link loadSettings}, with where each value comes from; `settings` is absent where there are problems. */
export function resolveSettings<D extends SettingEntries>(
  definition: SettingsDefinition<D>,
  options: LoadOptions,
): { settings: Loaded<D> | undefined; reports: SettingReport[]; problems: SettingProblem[] } {
  const reader = new Reader(definition, options);
  const values: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(definition.entries)) {
    if (!isFamily(entry)) {
      values[name] = reader.value(name, entry, '');
      continue;
    }
    const family = new Map<string, Record<string, unknown>>();
    for (const member of reader.membersOf(name)) {
      const record: Record<string, unknown> = {};
      for (const [key, setting] of Object.entries(entry.members)) {
        record[key] = reader.value(`${name}_${member}_${key}`, setting, member.toLowerCase());
      }
      family.set(member.toLowerCase(), record);
    }
    values[name] = family;
  }
  if (options.partial !== true) {
    checkUnknown(reader.sources, options.process, definition, options.known, (problem) =>
      reader.problems.push(problem),
    );
  }
  const settings = values as Loaded<D>;
  checkRules(definition, settings, reader.wrong, (problem) => reader.problems.push(problem));
  // A default that follows from another setting is wrong where that is, which has been said.
  const own = reader.problems.filter((problem) => !reader.derived.has(problem));
  const problems = own.length === 0 ? reader.problems : own;
  return { settings: problems.length === 0 ? settings : undefined, reports: reader.reports, problems };
}

const WRONG_BY_ITSELF = new Error('a rule asked for a setting that is wrong by itself');

/** Every rule whose settings are each right alone, so that all problems are told at once. */
function checkRules<D extends SettingEntries>(
  definition: SettingsDefinition<D>,
  settings: Loaded<D>,
  wrong: ReadonlySet<string>,
  report: (problem: SettingProblem) => void,
): void {
  /** Values that cannot be asked for what is wrong by itself; `prefix` makes settings' names of their keys. */
  const rightOnly = <T extends object>(values: T, prefix: string): T =>
    new Proxy(values, {
      get(target, key) {
        if (typeof key === 'string' && wrong.has(prefix + key)) throw WRONG_BY_ITSELF;
        return Reflect.get(target, key);
      },
    });
  const looked: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(settings)) {
    if (!(value instanceof Map)) continue;
    looked[name] = new Map(
      [...value].map(([member, record]) => [member, rightOnly(record, `${name}_${member.toUpperCase()}_`)]),
    );
  }
  const seen = rightOnly(looked as Loaded<D>, '');
  for (const rule of definition.rules) {
    try {
      rule(seen, (name, expected) => report({ name, expected }));
    } catch (error) {
      if (error !== WRONG_BY_ITSELF) throw error;
    }
  }
}

/** What is wrong with a file or folder that a setting names; undefined where it can be read. */
function whyUnreadable(path: string, what: Readable): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    const isFolder = statSync(path).isDirectory();
    if (isFolder !== (what === 'folder')) return isFolder ? 'it is a folder' : 'it is no folder';
    // OpenSSL would take it as it is, and trust nobody
    return what === 'certificates' && !hasCertificate(readFileSync(path)) ? 'it holds none' : undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return UNREADABLE[code] ?? code;
  }
}

function hasCertificate(pem: Buffer): boolean {
  try {
    // also DER would be read here, but nowhere else
    return pem.includes('-----BEGIN ') && new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

const READABLE: Readonly<Record<Readable, string>> = {
  file: 'a file that can be read',
  folder: 'a folder that can be read',
  certificates: 'a file of certificates (PEM) that can be read',
};

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is none',
  EACCES: 'this user may not read it',
};

class Reader {
  readonly sources: SettingSources;
  readonly reports: SettingReport[] = [];
  readonly problems: SettingProblem[] = [];
  /** Those of them that defaults made, which follow from other settings. */
  readonly derived = new Set<SettingProblem>();
  /** The settings with a problem, by their own names. */
  readonly wrong = new Set<string>();
  private readonly partial: boolean;
  private readonly definition: SettingsDefinition;
  private readonly prefix: string;
  /** Settings whose default is being worked out, so that a circle of defaults ends. */
  private readonly resolving = new Set<string>();

  constructor(definition: SettingsDefinition, options: LoadOptions) {
    this.definition = definition;
    this.partial = options.partial === true;
    this.sources = new SettingSources(options.environment, options.dotenvPath ?? '.env');
    this.prefix = prefixOf(options.process);
  }

  /** The value of one setting, undefined where it is wrong; `member` is whose it is in a family. */
  value(name: string, setting: Setting<unknown>, member: string): unknown {
    const before = this.problems.length;
    const value = this.valueOf(name, setting, member);
    if (this.problems.length > before) this.wrong.add(name);
    return value;
  }

  private valueOf(name: string, setting: Setting<unknown>, member: string): unknown {
    const before = this.problems.length;
    const found = this.find(name, setting, member, (problem) => this.problems.push(problem));
    this.reports.push({
      name,
      value:
        found === undefined ? null : setting.secret ? (setting.shown?.(found.text) ?? HIDDEN) : found.text,
      source: found?.source ?? 'unset',
      key: found?.key ?? name,
      description: setting.description,
      secret: setting.secret === true,
    });
    if (this.problems.length > before) return undefined;
    const parsed = setting.schema.safeParse(found?.text);
    const key = found?.source === 'default' || found === undefined ? name : found.key;
    if (parsed.success) {
      if (setting.reads !== undefined && found !== undefined && !this.partial) {
        const reason = whyUnreadable(found.text.replace(/^only:/, ''), setting.reads);
        if (reason !== undefined) {
          this.problems.push({
            name: key,
            value: found.text,
            expected: `expected ${READABLE[setting.reads]}, but ${reason}`,
          });
          return undefined;
        }
      }
      return parsed.data;
    }
    const expected =
      found === undefined
        ? `expected ${expectedText(setting.schema) || 'a value'}, but it is not set${setting.secret ? ` (nor is ${name}_FILE)` : ''}`
        : issueText(parsed.error);
    const problem =
      found === undefined || setting.secret
        ? { name: key, expected }
        : { name: key, value: found.text, expected };
    this.problems.push(problem);
    if (found?.source === 'default' && typeof setting.default === 'function') this.derived.add(problem);
    return undefined;
  }

  /** The names of a family: those it always has, and those that some key mentions. */
  membersOf(family: string): string[] {
    const entry = this.definition.entries[family];
    if (entry === undefined || !isFamily(entry)) return [];
    const members = new Set(
      (entry.names?.(this.read) ?? []).map((name) => name.toUpperCase().replaceAll('-', '_')),
    );
    const known = namesOf(this.definition);
    for (const values of [this.sources.environment, this.sources.dotenv]) {
      for (const key of Object.keys(values)) {
        const member = values[key] ? known.memberOf(key, family) : undefined;
        if (member !== undefined) members.add(member);
      }
    }
    return [...members];
  }

  private find(
    name: string,
    setting: Setting<unknown>,
    member: string,
    problem: (problem: SettingProblem) => void,
  ): FoundText | undefined {
    const secret = setting.secret === true;
    const own = setting.shared ? this.sources.find(this.prefix + name, secret, problem) : undefined;
    const found = own ?? this.sources.find(name, secret, problem);
    if (found !== undefined) return found;
    const text = this.defaultText(name, setting, member);
    return text === undefined ? undefined : { text, source: 'default', key: name };
  }

  private defaultText(name: string, setting: Setting<unknown>, member: string): string | undefined {
    const value = setting.default;
    if (typeof value !== 'function') return value === undefined ? undefined : String(value);
    if (this.resolving.has(name)) return undefined;
    this.resolving.add(name);
    try {
      return value(this.read, member);
    } finally {
      this.resolving.delete(name);
    }
  }

  /** Another setting's text; names of other processes' settings are looked up too, without their defaults. */
  private readonly read: ReadText = (name) => {
    const entry = this.definition.entries[name];
    if (entry !== undefined && !isFamily(entry)) return this.find(name, entry, '', () => undefined)?.text;
    return this.sources.find(name, false, () => undefined)?.text;
  };
}

function issueText(error: z.ZodError): string {
  return error.issues
    .map((issue) => (issue.message.startsWith('expected') ? issue.message : `expected: ${issue.message}`))
    .join('; ');
}
