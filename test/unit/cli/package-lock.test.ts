import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Entry {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `npm ci` refuses a lock file that leaves out a platform's package, as npm writes it where a registry lacks some. */
test('package-lock.json has every optional dependency, for every platform', () => {
  const path = fileURLToPath(new URL('../../../../package-lock.json', import.meta.url));
  const packages: Readonly<Record<string, Entry>> = JSON.parse(readFileSync(path, 'utf8')).packages;
  const missing: string[] = [];
  for (const [from, entry] of Object.entries(packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      // Node's own search: beside, then further up.
      const folders = from.split('/node_modules/');
      const found = folders.some((_, depth) => {
        const folder = folders.slice(0, folders.length - depth).join('/node_modules/');
        return `${folder}/node_modules/${name}` in packages;
      });
      if (!found && !(`node_modules/${name}` in packages)) missing.push(`${from} → ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});
