import { nearest } from './nearest.js';
import { isFamily, type SettingsDefinition } from './setting.js';
import type { SettingProblem } from './settings-error.js';
import type { SettingSources } from './sources.js';

/**
 * First words that are ours alone: a key of the process environment that begins with one must be a known setting.
 * `LOG_`, `TLS_` and `LISTEN_` are not among them, since other programs use them too (systemd sets `LISTEN_FDS`).
 */
export const OWN_PREFIXES = [
  'XMPP_',
  'C2S_',
  'S2S_',
  'COMPONENT_',
  'MUC_',
  'PEP_',
  'VCARD_',
  'PRIVACY_',
  'BOSH_',
  'CORE_',
  'STORAGE_',
  'METRICS_',
  'CLIENT_LINK_',
  'LIMIT_',
] as const;

/** Variables that container engines set by themselves for a service named like one of our prefixes. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_.*)?|PORT_\d+_(TCP|UDP)(_.*)?)$/;
/** Keys of `.env` that are for others who read the same file. */
const FOREIGN_DOTENV = /^COMPOSE_/;

/** `muc` → `MUC_`. */
export function prefixOf(process: string): string {
  return `${process.toUpperCase().replaceAll('-', '_')}_`;
}

/** The names that some set of definitions knows. */
export class KnownNames {
  private readonly names = new Set<string>();
  /** `COMPONENT` → its members, longest first, so that `_NAMESPACE_VERSION` is not taken for `_VERSION`. */
  private readonly families = new Map<string, string[]>();
  private readonly unseen: string[] = [];

  /** Adds one process's names, with their overrides and `_FILE` forms. */
  add(process: string, definition: SettingsDefinition): void {
    const prefix = prefixOf(process);
    for (const [name, entry] of Object.entries(definition.entries)) {
      if (isFamily(entry)) {
        const members = Object.entries(entry.members).flatMap(([member, { secret }]) =>
          secret ? [member, `${member}_FILE`] : [member],
        );
        this.families.set(
          name,
          members.sort((a, b) => b.length - a.length),
        );
        continue;
      }
      const forms = entry.shared ? [name, prefix + name] : [name];
      for (const form of forms) {
        this.names.add(form);
        if (entry.secret) this.names.add(`${form}_FILE`);
      }
    }
  }

  /** Adds a process whose definition is not at hand: every name with its prefix may be right. */
  addUnseen(process: string): void {
    this.unseen.push(prefixOf(process));
  }

  has(key: string): boolean {
    if (this.names.has(key) || this.unseen.some((prefix) => key.startsWith(prefix))) return true;
    for (const family of this.families.keys()) {
      if (this.memberOf(key, family) !== undefined) return true;
    }
    return false;
  }

  /** `COMPONENT_MUC_SECRET` → `MUC`, where the key is in that family. */
  memberOf(key: string, family: string): string | undefined {
    if (this.names.has(key) || !key.startsWith(`${family}_`)) return undefined;
    for (const member of this.families.get(family) ?? []) {
      if (!key.endsWith(`_${member}`)) continue;
      const name = key.slice(family.length + 1, -member.length - 1);
      if (/^[A-Z0-9]+(_[A-Z0-9]+)*$/.test(name)) return name;
    }
    return undefined;
  }

  /** The known name that is most like `key`. */
  nearest(key: string): string | undefined {
    const candidates = [...this.names];
    for (const [family, members] of this.families) {
      // The operator's own part of the name stays as it is; what can be misspelt is the rest.
      const name = key.split('_')[1] ?? 'NAME';
      for (const member of members) candidates.push(`${family}_${name}_${member}`);
    }
    return nearest(key, candidates);
  }

  all(): string[] {
    return [...this.names];
  }
}

const cache = new WeakMap<SettingsDefinition, KnownNames>();

/** The names of one definition, without overrides. */
export function namesOf(definition: SettingsDefinition): KnownNames {
  let known = cache.get(definition);
  if (known === undefined) {
    known = new KnownNames();
    known.add('', definition);
    cache.set(definition, known);
  }
  return known;
}

/**
 * Reports unknown keys. With `known` (all processes): every key of `.env`, and every key of the environment that
 * begins with one of {@link OWN_PREFIXES}. Without: the keys that begin with the process's own prefix.
 */
export function checkUnknown(
  sources: SettingSources,
  process: string,
  definition: SettingsDefinition,
  known: KnownNames | undefined,
  report: (problem: SettingProblem) => void,
): void {
  const prefix = prefixOf(process);
  const names = known ?? new KnownNames();
  if (known === undefined) {
    names.add(process, definition);
    // A component's `CORE_HOST` is another process's prefix: without that process's definition, leave it alone.
    if (prefix === 'CORE_') return;
  }
  const seen = new Set<string>();
  const look = (key: string, where: string): void => {
    if (seen.has(key) || names.has(key)) return;
    seen.add(key);
    const near = names.nearest(key);
    const hint = near === undefined ? '' : `; the nearest is ${near}`;
    report({ name: key, expected: `no such setting (in ${where})${hint}` });
  };
  for (const line of known === undefined ? [] : sources.strayLines) {
    report({ name: `.env, line ${line}`, expected: 'expected NAME=VALUE' });
  }
  for (const key of Object.keys(sources.dotenv)) {
    if (FOREIGN_DOTENV.test(key)) continue;
    if (known !== undefined || key.startsWith(prefix)) look(key, '.env');
  }
  for (const key of Object.keys(sources.environment)) {
    if (SERVICE_LINK.test(key)) continue;
    const ours =
      known === undefined ? key.startsWith(prefix) : OWN_PREFIXES.some((own) => key.startsWith(own));
    if (ours) look(key, 'the environment');
  }
}
