import { existsSync } from 'node:fs';
import { COMPONENTS } from '../settings/registry.js';
import { SettingSources } from '../settings/sources.js';
import { ensureSecret, secretFile } from './secrets.js';

/**
 * Completes the environment of processes that share a data folder, so that core and components on one host agree
 * without being told: a component's secret is what the operator set under either name, else one made under the data
 * folder. Changes nothing that the operator set.
 */
export function completeEnvironment(
  environment: NodeJS.ProcessEnv,
  components: readonly string[],
  options: { readonly dataFolder: string; readonly makeSecrets: boolean; readonly dotenvPath?: string },
): NodeJS.ProcessEnv {
  const sources = new SettingSources(environment, options.dotenvPath ?? '.env');
  const complete: NodeJS.ProcessEnv = { ...environment };
  for (const component of components) {
    const name = component.toUpperCase().replaceAll('-', '_');
    const own = `${name}_SECRET`;
    const core = `COMPONENT_${name}_SECRET`;
    const given = givenAs(sources, own) ?? givenAs(sources, core);
    if (given !== undefined) {
      // The same key suffix keeps a path a path.
      if (givenAs(sources, own) === undefined) complete[own + given.suffix] = given.text;
      if (givenAs(sources, core) === undefined) complete[core + given.suffix] = given.text;
      continue;
    }
    // a component of somebody else is given its secret, or its name is a mistake
    const ours = COMPONENTS.some((entry) => entry.name === component);
    const file =
      options.makeSecrets && ours
        ? ensureSecret(options.dataFolder, component)
        : secretFile(options.dataFolder, component);
    if (!existsSync(file)) continue;
    complete[`${own}_FILE`] = file;
    complete[`${core}_FILE`] = file;
  }
  return complete;
}

/** A key as the operator gave it, itself or as `_FILE`. */
function givenAs(sources: SettingSources, key: string): { text: string; suffix: '' | '_FILE' } | undefined {
  for (const values of [sources.environment, sources.dotenv]) {
    for (const suffix of ['', '_FILE'] as const) {
      const text = values[key + suffix];
      if (text) return { text, suffix };
    }
  }
  return undefined;
}
