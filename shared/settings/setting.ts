import { z } from 'zod';

/** Looks up the text of another setting (environment, `.env`, or its default): for defaults that follow from others. */
export type ReadText = (name: string) => string | undefined;

/** A default in the form the environment would give it, or a function of other settings (and of the family's name). */
type SettingDefault =
  | string
  | number
  | boolean
  | readonly string[]
  | ((read: ReadText, member: string) => string | undefined);

/** What a setting may name. */
export type Readable = 'file' | 'folder' | 'certificates';

interface SettingOptions {
  /** One sentence for `entourage config` and the settings reference. */
  readonly description: string;
  /** Absent: the setting is required, unless its schema is optional. */
  readonly default?: SettingDefault;
  /** How the reference shows a default that is a function. */
  readonly defaultText?: string;
  /** Never shown; may also be given as `NAME_FILE`. */
  readonly secret?: boolean;
  /** What of a secret may be shown after all: a connection string without its password. */
  readonly shown?: (text: string) => string;
  /** The value names a file or a folder that the process reads: checked with everything else, `certificates` (PEM) by a look into it. */
  readonly reads?: Readable;
  /** Means the same in several processes: `<PROCESS>_NAME` overrides it for one. */
  readonly shared?: boolean;
}

/** One setting: its schema reads the environment's text. */
export interface Setting<T> extends SettingOptions {
  readonly schema: z.ZodType<T>;
}

/** Settings whose names contain a name that the operator chooses: `COMPONENT_<NAME>_SECRET`. */
interface SettingFamily<M extends FamilyMembers> {
  readonly members: M;
  readonly description: string;
  /** Names that exist even where no key mentions them. */
  readonly names?: (read: ReadText) => readonly string[];
}

type FamilyMembers = { readonly [member: string]: Setting<unknown> };
export type SettingEntries = { readonly [name: string]: Setting<unknown> | SettingFamily<FamilyMembers> };

/** What `loadSettings` makes of a definition. Families become maps keyed by the lower-case name. */
export type Loaded<D extends SettingEntries> = {
  readonly [K in keyof D]: D[K] extends Setting<infer T>
    ? T
    : D[K] extends SettingFamily<infer M>
      ? ReadonlyMap<string, { readonly [N in keyof M]: M[N] extends Setting<infer T> ? T : never }>
      : never;
};

/** The settings of one process. */
export interface SettingsDefinition<D extends SettingEntries = SettingEntries> {
  readonly entries: D;
  /** Rules between settings. One that asks for a setting that is wrong by itself is left out. */
  readonly rules: readonly SettingRule<D>[];
}

/** A rule between settings; calls `problem` for each that breaks it. */
type SettingRule<D extends SettingEntries = SettingEntries> = {
  // As a method, so that a definition of certain settings is one of any settings too.
  check(settings: Loaded<D>, problem: (name: string, expected: string) => void): void;
}['check'];

/** Declares one setting. */
export function setting<S extends z.ZodType>(schema: S, options: SettingOptions): Setting<z.output<S>> {
  return { schema: schema as z.ZodType<z.output<S>>, ...options };
}

/** Declares the settings `<KEY>_<NAME>_<MEMBER>`, KEY being the family's own key in the definition. */
export function settingFamily<M extends FamilyMembers>(family: SettingFamily<M>): SettingFamily<M> {
  return family;
}

const SETTING_NAME = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/** Declares the settings of one process; spread `sharedSettings` (and `componentSettings`) into it. */
export function defineSettings<const D extends SettingEntries>(
  entries: D,
  ...rules: SettingRule<D>[]
): SettingsDefinition<D> {
  for (const name of Object.keys(entries)) {
    if (!SETTING_NAME.test(name)) throw new TypeError(`not the name of a setting: ${name}`);
  }
  return { entries, rules };
}

/** Whether a definition's entry is a family. */
export function isFamily(
  entry: Setting<unknown> | SettingFamily<FamilyMembers>,
): entry is SettingFamily<FamilyMembers> {
  return 'members' in entry;
}

/** Whether some module's export is a settings definition. */
export function isSettingsDefinition(value: unknown): value is SettingsDefinition {
  return (
    typeof value === 'object' && value !== null && 'entries' in value && typeof value.entries === 'object'
  );
}

/** What a setting's value must be, in words; also where its schema is optional. */
export function expectedText(schema: z.ZodType): string {
  if (schema.description !== undefined) return schema.description;
  return schema instanceof z.ZodOptional ? expectedText(schema.unwrap() as z.ZodType) : '';
}
