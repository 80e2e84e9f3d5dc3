import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const CODE_FOLDERS = ['core-server', 'components', 'shared'];

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length));
}
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const plain = (text: string): string => text.replaceAll(/[’‘]/g, "'");

const documents = [
  'README.md',
  ...filesIn('docs', /\.md$/),
  ...filesIn('components', /^README\.md$/).filter((file) => !file.includes('node_modules')),
];
const codeFiles = CODE_FOLDERS.flatMap((folder) => filesIn(folder, /\.(ts|mjs|js|html)$|^Dockerfile/));
const testFiles = filesIn('test', /\.(ts|mjs|py)$/);
const files = [...codeFiles, ...testFiles, ...documents];
const code = codeFiles.map(read).join('\n');
const tests = plain(testFiles.map(read).join('\n'));

/** The headings of a document as its links name them. */
const anchors = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  );

test('links lead somewhere', () => {
  const broken: string[] = [];
  for (const file of documents) {
    for (const [, link = ''] of read(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path));
      const found = existsSync(join(root, target)) && (!anchor || anchors(target).includes(anchor));
      if (!found) broken.push(`${file}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('the files that documents name are there', () => {
  const missing: string[] = [];
  for (const file of documents) {
    for (const [, path = ''] of read(file).matchAll(
      /`((?:test|core-server|components|shared|docs)\/[\w./-]+)`/g,
    )) {
      if (!existsSync(join(root, path)) && !files.some((one) => one.startsWith(path)))
        missing.push(`${file}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('the settings and log codes that documents name are there', () => {
  const settings = read('docs/settings.md');
  const missing: string[] = [];
  for (const file of documents) {
    for (const [, name = ''] of read(file).matchAll(
      /`((?:C2S|S2S|LIMIT|XMPP|MUC|PEP|VCARD|PRIVACY|BOSH|CORE|STORAGE|METRICS|SASL)_[A-Z0-9_]*[A-Z0-9])(?:=[^`]*)?`/g,
    )) {
      const shared = name.replace(/^(?:MUC|PEP|VCARD|PRIVACY|BOSH|CORE)_/, '').replace(/_FILE$/, '');
      if (
        !settings.includes(`\`${name}\``) &&
        !settings.includes(`\`${shared}\``) &&
        !settings.includes(name)
      )
        missing.push(`${file}: ${name}`);
    }
    for (const [, name = ''] of read(file).matchAll(
      /`((?:c2s|s2s|component|bosh|muc|pep|vcard|privacy|storage|process|start|tls|admin|log)\.[a-z0-9-]+)`/g,
    )) {
      const isFile = files.some((one) => one.endsWith(`/${name}`));
      if (!isFile && !code.includes(`'${name}'`)) missing.push(`${file}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('each row of the conformance tables names tests and files that are there', () => {
  const missing: string[] = [];
  let rows = 0;
  for (const file of documents.filter((one) => one.startsWith('docs/conformance/'))) {
    for (const line of read(file).split('\n')) {
      if (!line.startsWith('| ') || /^\|[ |-]*$/.test(line)) continue;
      const cells = line.slice(1, -1).split(/(?<!\\)\|/);
      rows++;
      const shown = plain(cells.at(-1) ?? '');
      for (const [, name = ''] of shown.matchAll(/"([^"]+)"/g)) {
        // `…` stands for the rest of a long name
        const parts = name.split('…').map((part) => part.trim());
        if (!parts.every((part) => tests.includes(part))) missing.push(`${file}: a test "${name}"`);
      }
      for (const [, path = ''] of cells
        .slice(2)
        .join('|')
        .matchAll(/`([\w./-]+\.(?:ts|mjs|md))`/g)) {
        if (!files.some((one) => one === path || one.endsWith(`/${path}`))) missing.push(`${file}: ${path}`);
      }
    }
  }
  assert.ok(rows > 800, `${rows} rows`);
  assert.deepEqual(missing, []);
});
