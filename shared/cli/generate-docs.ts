// Writes the documents that are made from declarations (`npm run docs`); with --check only says which are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declaredFeatures } from '../docs/declarations.js';
import { doap } from '../docs/doap.js';
import { metricsPage } from '../docs/metrics-page.js';
import { settingsPage } from '../docs/settings-page.js';
import { compiledRoot } from '../settings/registry.js';

const root = join(compiledRoot, '..');
const check = process.argv.includes('--check');
const project: { version: string; description: string } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const features = await declaredFeatures();
const documents: Readonly<Record<string, string>> = {
  'docs/settings.md': await settingsPage(),
  'docs/metrics.md': metricsPage(root, features),
  'docs/doap.xml': doap(features, project),
};

let stale = 0;
for (const [path, text] of Object.entries(documents)) {
  if (textOf(join(root, path)) === text) continue;
  stale++;
  if (check) console.error(`${path} is stale: run \`npm run docs\``);
  else {
    writeFileSync(join(root, path), text);
    console.log(`${path} written`);
  }
}
process.exitCode = check && stale > 0 ? 1 : 0;

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
