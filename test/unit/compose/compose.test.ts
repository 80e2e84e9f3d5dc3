import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { nodeOptionsOf } from '../../../shared/cli/v8-options.js';
import { allKnownNames } from '../../../shared/settings/registry.js';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const PYTHON = '/usr/bin/python3';
const PROCESSES = ['core', 'muc', 'pep', 'vcard', 'privacy', 'bosh'];
const READ = 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)';

interface Service {
  readonly user?: string;
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

let compose: Compose | undefined;
before(() => {
  const read = spawnSync(PYTHON, ['-c', READ, join(ROOT, 'compose.yaml')], { encoding: 'utf8' });
  if (read.status === 0) compose = JSON.parse(read.stdout);
});

describe('compose.yaml', () => {
  test('is what the schema of the Compose specification allows', (t) => {
    if (compose === undefined) return t.skip('python3-yaml is not installed');
    const schema = JSON.parse(
      readFileSync(join(ROOT, 'test', 'unit', 'compose', 'compose-spec.json'), 'utf8'),
    );
    const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
    const valid = ajv.validate(schema, compose);
    assert.ok(valid, ajv.errorsText());
    // and the schema does refuse what is wrong
    assert.ok(!ajv.validate(schema, { services: { core: { image: 1, restrat: 'always' } } }));
  });

  test('each process alone: health, restart, not root, nothing to write to', (t) => {
    if (compose === undefined) return t.skip('python3-yaml is not installed');
    assert.deepEqual(Object.keys(compose.services).sort(), [...PROCESSES, 'mongo'].sort());
    for (const name of PROCESSES) {
      const service: Service | undefined = compose.services[name];
      assert.ok(service, name);
      assert.deepEqual(service.command, [name]);
      assert.equal(service.image, 'entourage');
      assert.match(service.user ?? '', /^[1-9]\d*:[1-9]\d*$/);
      assert.equal(service.read_only, true);
      assert.equal(service.restart, 'unless-stopped');
      assert.deepEqual(service.cap_drop, ['ALL']);
      assert.equal(service.healthcheck?.test[0], 'CMD', 'no shell is needed');
      assert.equal(service.depends_on?.['mongo']?.condition, 'service_healthy');
    }
    assert.ok(compose.services['mongo']?.healthcheck);
    assert.equal(compose.networks['inside']?.internal, true);
  });

  test('every setting is one of ours, every secret a file', async (t) => {
    if (compose === undefined) return t.skip('python3-yaml is not installed');
    const known = await allKnownNames();
    for (const name of PROCESSES) {
      const service: Service | undefined = compose.services[name];
      for (const [key, value] of Object.entries(service?.environment ?? {})) {
        // Node's own: what `entourage start` gives its processes
        if (key === 'NODE_OPTIONS') {
          assert.equal(value, nodeOptionsOf(name)[0], `${name}: ${key}`);
          continue;
        }
        assert.ok(known?.has(key), `${name}: ${key} is no setting`);
        if (/SECRET|PASSWORD|STORAGE_URL/.test(key) && !key.endsWith('_FILE')) assert.equal(value, '', key);
        if (!key.endsWith('_FILE')) continue;
        const secret = value.replace('/run/secrets/', '');
        assert.ok(service?.secrets.includes(secret), `${name} has no secret ${secret}`);
        assert.ok(compose.secrets[secret], `no secret ${secret}`);
      }
    }
    // both ends of a link read the same file
    for (const name of PROCESSES.slice(1)) {
      const key = `${name.toUpperCase()}_SECRET_FILE`;
      assert.equal(
        compose.services[name]?.environment[key],
        compose.services['core']?.environment[`COMPONENT_${key}`],
      );
    }
  });
});
