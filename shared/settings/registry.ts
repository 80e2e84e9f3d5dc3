import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { KnownNames } from './known.js';
import { isSettingsDefinition, type SettingsDefinition } from './setting.js';

/** A process of the system: its folder under the compiled tree, holding `main.js` and `settings.js`. */
export interface ProcessEntry {
  readonly name: string;
  readonly folder: string;
}

export const CORE: ProcessEntry = { name: 'core', folder: 'core-server' };
export const COMPONENTS: readonly ProcessEntry[] = ['muc', 'pep', 'vcard', 'privacy', 'bosh'].map((name) => ({
  name,
  folder: `components/${name}`,
}));
export const PROCESSES: readonly ProcessEntry[] = [CORE, ...COMPONENTS];

/** The compiled tree that this file is in. */
export const compiledRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The compiled entry of a process; undefined where this installation does not contain it. */
export function mainOf(entry: ProcessEntry): string | undefined {
  const path = join(compiledRoot, entry.folder, 'main.js');
  return existsSync(path) ? path : undefined;
}

/** The settings definition that a process's `settings.js` exports; undefined where the process is not installed. */
export async function definitionOf(entry: ProcessEntry): Promise<SettingsDefinition | undefined> {
  const path = join(compiledRoot, entry.folder, 'settings.js');
  if (!existsSync(path)) return undefined;
  const exports: Record<string, unknown> = await import(pathToFileURL(path).href);
  const definition = Object.values(exports).find(isSettingsDefinition);
  if (definition === undefined) throw new TypeError(`${path} exports no settings definition`);
  return definition;
}

/** Every installed process's definition. */
export async function allDefinitions(): Promise<{ entry: ProcessEntry; definition: SettingsDefinition }[]> {
  const found: { entry: ProcessEntry; definition: SettingsDefinition }[] = [];
  for (const entry of PROCESSES) {
    const definition = await definitionOf(entry);
    if (definition !== undefined) found.push({ entry, definition });
  }
  return found;
}

/**
 * The names of every process's settings. Those of a component that is not installed are recognised by its prefix;
 * undefined where the core is not, whose names have no prefix in common and must not be taken for mistakes.
 */
export async function allKnownNames(): Promise<KnownNames | undefined> {
  const definitions = await allDefinitions();
  if (!definitions.some(({ entry }) => entry === CORE)) return undefined;
  const known = new KnownNames();
  for (const { entry, definition } of definitions) known.add(entry.name, definition);
  for (const component of COMPONENTS) {
    if (!definitions.some(({ entry }) => entry === component)) known.addUnseen(component.name);
  }
  return known;
}
