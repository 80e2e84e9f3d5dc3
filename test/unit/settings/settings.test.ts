import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { KnownNames } from '../../../shared/settings/known.js';
import { nearest } from '../../../shared/settings/nearest.js';
import {
  boolean,
  byteSize,
  choice,
  componentIdentity,
  componentSettings,
  defineSettings,
  domain,
  integer,
  list,
  loadSettings,
  port,
  resolveSettings,
  SettingsError,
  seconds,
  setting,
  settingFamily,
  sharedSettings,
  text,
} from '../../../shared/settings/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'entourage-settings-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const noDotenv = join(folder, 'absent.env');

const core = defineSettings({
  ...sharedSettings,
  XMPP_DOMAINS: setting(list(domain), { description: 'Domains.', default: 'localhost' }),
  C2S_PORT: setting(port, { description: 'Clients.', default: 5222 }),
  C2S_STANZA_BYTES: setting(byteSize(10_000), { description: 'Largest stanza.', default: '256K' }),
  COMPONENT_GRACE_SECONDS: setting(seconds(), { description: 'Grace.', default: 5 }),
  COMPONENT_PORT: setting(port, { description: 'Components.', default: 5347 }),
  ADMIN_NAME: setting(text, { description: 'Required.' }),
  COMPONENT: settingFamily({
    description: 'One component.',
    names: (read) => (read('XMPP_DOMAINS') === 'two' ? ['vcard'] : []),
    members: {
      DOMAIN: setting(domain, {
        description: 'Its domain.',
        default: (read, name) => `${name}.${read('XMPP_DOMAINS')}`,
      }),
      SECRET: setting(text.optional(), { description: 'Its secret.', secret: true }),
      CONFLICT: setting(choice('refuse', 'replace', 'share'), { description: 'Policy.', default: 'refuse' }),
      NAMESPACE_VERSION: setting(choice('2', '1'), { description: 'Generation.', default: '2' }),
    },
  }),
});

const muc = defineSettings({
  ...sharedSettings,
  ...componentSettings,
  ...componentIdentity('MUC', 'conference'),
});

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof SettingsError)
      return error.problems.map(({ name, value, expected }) => `${name}|${value ?? ''}|${expected}`);
    throw error;
  }
  return [];
}

describe('settings', () => {
  test('defaults, texts and families become typed values', () => {
    const settings = loadSettings(core, {
      process: 'core',
      dotenvPath: noDotenv,
      environment: {
        ADMIN_NAME: 'x',
        C2S_PORT: 'auto',
        C2S_STANZA_BYTES: '1M',
        COMPONENT_GRACE_SECONDS: '2m',
        COMPONENT_MUC_SECRET: 's',
        COMPONENT_MUC_NAMESPACE_VERSION: '1',
        COMPONENT_MY_IRC_DOMAIN: 'irc.localhost',
        LOG_LEVEL: '',
      },
    });
    assert.equal(settings.C2S_PORT, 'auto');
    assert.equal(settings.COMPONENT_PORT, 5347);
    assert.equal(settings.C2S_STANZA_BYTES, 1_048_576);
    assert.equal(settings.COMPONENT_GRACE_SECONDS, 120);
    assert.deepEqual(settings.XMPP_DOMAINS, ['localhost']);
    assert.equal(settings.LOG_LEVEL, 'info', 'an empty value counts as not set');
    assert.deepEqual([...settings.COMPONENT.keys()].sort(), ['muc', 'my_irc']);
    assert.deepEqual(settings.COMPONENT.get('muc'), {
      DOMAIN: 'muc.localhost',
      SECRET: 's',
      CONFLICT: 'refuse',
      NAMESPACE_VERSION: '1',
    });
    assert.equal(settings.COMPONENT.get('my_irc')?.DOMAIN, 'irc.localhost');
  });

  test('every problem is reported at once, with name, value and what is expected', () => {
    const problems = problemsOf(() =>
      loadSettings(core, {
        process: 'core',
        dotenvPath: noDotenv,
        environment: {
          C2S_PORT: '99999',
          C2S_STANZA_BYTES: '5',
          LOG_LEVEL: 'loud',
          COMPONENT_A_CONFLICT: 'fight',
        },
      }),
    );
    assert.deepEqual(problems, [
      'LOG_LEVEL|loud|expected trace | debug | info | warn | error | silent',
      'C2S_PORT|99999|expected a port: 1 to 65535, 0 (off) or auto (any free one)',
      'C2S_STANZA_BYTES|5|expected a size in bytes (or with K, M or G), at least 10000',
      'ADMIN_NAME||expected a text, but it is not set',
      'COMPONENT_A_CONFLICT|fight|expected refuse | replace | share',
    ]);
  });

  test('a prefix overrides a shared setting for one process, from either source', () => {
    const dotenvPath = join(folder, 'prefix.env');
    writeFileSync(dotenvPath, 'MUC_METRICS_PORT=9001\nMUC_SECRET=s\nMETRICS_PORT=1\n');
    const settings = loadSettings(muc, { process: 'muc', dotenvPath, environment: { METRICS_PORT: '9000' } });
    assert.equal(settings.METRICS_PORT, 9001);
    assert.equal(settings.MUC_DOMAIN, 'conference.localhost');
    assert.equal(settings.CORE_PORT, 5347);
  });

  test('the environment wins over .env, and defaults follow other settings', () => {
    const dotenvPath = join(folder, 'wins.env');
    writeFileSync(dotenvPath, 'XMPP_DOMAINS=one.example\nCORE_TLS=yes\nMUC_SECRET=s\n');
    const settings = loadSettings(muc, {
      process: 'muc',
      dotenvPath,
      environment: { XMPP_DOMAINS: 'two.example,three.example', STORAGE_URL: 'lmdb:/srv/x' },
    });
    assert.deepEqual(settings.CORE_DOMAIN, ['two.example', 'three.example']);
    assert.equal(settings.CORE_PORT, 5348);
    assert.equal(settings.DATA_DIR, '/srv/x');
  });

  test('a secret is read from NAME_FILE without its last newline, and never shown', () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'hush\n');
    const { settings, reports } = resolveSettings(muc, {
      process: 'muc',
      dotenvPath: noDotenv,
      environment: { MUC_SECRET_FILE: file },
    });
    assert.equal(settings?.MUC_SECRET, 'hush');
    const report = reports.find(({ name }) => name === 'MUC_SECRET');
    assert.deepEqual([report?.value, report?.source, report?.key], ['(hidden)', 'file', 'MUC_SECRET_FILE']);
  });

  test('a connection string comes from a file too, and is shown without its password', () => {
    const file = join(folder, 'storage-url');
    writeFileSync(file, 'mongodb://entourage:p%40ss@db.example:27017/chat?replicaSet=rs0\n');
    const { settings, reports } = resolveSettings(defineSettings(sharedSettings), {
      process: 'muc',
      environment: { STORAGE_URL_FILE: file },
      dotenvPath: noDotenv,
    });
    assert.equal(settings?.STORAGE_URL, 'mongodb://entourage:p%40ss@db.example:27017/chat?replicaSet=rs0');
    assert.equal(settings?.DATA_DIR, './data');
    const shown = (name: string) => reports.find((report) => report.name === name)?.value;
    assert.equal(shown('STORAGE_URL'), 'mongodb://(hidden)@db.example:27017/chat?replicaSet=rs0');
    const plain = resolveSettings(defineSettings(sharedSettings), {
      process: 'muc',
      environment: { STORAGE_URL: 'lmdb:/srv/chat' },
      dotenvPath: noDotenv,
    });
    assert.equal(plain.reports.find(({ name }) => name === 'STORAGE_URL')?.value, 'lmdb:/srv/chat');
  });

  test('both forms of a secret, and an unreadable file, are problems that do not show it', () => {
    assert.deepEqual(
      problemsOf(() =>
        loadSettings(muc, {
          process: 'muc',
          dotenvPath: noDotenv,
          environment: { MUC_SECRET: 'hush', MUC_SECRET_FILE: '/x' },
        }),
      ),
      ['MUC_SECRET||expected either MUC_SECRET or MUC_SECRET_FILE, not both'],
    );
    assert.deepEqual(
      problemsOf(() =>
        loadSettings(muc, {
          process: 'muc',
          dotenvPath: noDotenv,
          environment: { MUC_SECRET_FILE: '/nowhere/x' },
        }),
      ),
      ['MUC_SECRET_FILE|/nowhere/x|expected a file that can be read (ENOENT)'],
    );
    assert.deepEqual(
      problemsOf(() => loadSettings(muc, { process: 'muc', dotenvPath: noDotenv, environment: {} })),
      ['MUC_SECRET||expected the secret shared with the server, but it is not set (nor is MUC_SECRET_FILE)'],
    );
  });

  test('unknown keys are problems that name the nearest: all of .env, our prefixes in the environment', () => {
    const known = new KnownNames();
    known.add('core', core);
    known.add('muc', muc);
    const dotenvPath = join(folder, 'unknown.env');
    writeFileSync(
      dotenvPath,
      'C2S_PROT=1\nMUC_SECRET=s\nSTORAGE_ULR=lmdb:x\nCOMPOSE_PROJECT_NAME=x\nFOO=1\nCOMPONENT_MUC_SECERT=x\nCORE_METRICS_PORT=0\n',
    );
    const problems = problemsOf(() =>
      loadSettings(muc, {
        process: 'muc',
        dotenvPath,
        known,
        environment: { PATH: '/bin', LISTEN_FDS: '3', MUC_DOMIAN: 'x', MUC_PORT_5347_TCP_ADDR: '10.0.0.1' },
      }),
    );
    const hint = /\|\|no such setting \(in ([^)]*)\); the nearest is/;
    assert.match(problems[2] ?? '', /^FOO\|\|no such setting/);
    assert.deepEqual(
      problems
        .filter((problem) => !problem.startsWith('FOO'))
        .map((problem) => problem.replace(hint, ' ($1) →')),
      [
        'C2S_PROT (.env) → C2S_PORT',
        'STORAGE_ULR (.env) → STORAGE_URL',
        'COMPONENT_MUC_SECERT (.env) → COMPONENT_MUC_SECRET',
        'MUC_DOMIAN (the environment) → MUC_DOMAIN',
      ],
    );
  });

  test('names of a component that is not installed are recognised by its prefix', () => {
    const known = new KnownNames();
    known.add('core', core);
    known.addUnseen('muc');
    const environment = { ADMIN_NAME: 'x', MUC_ANYTHING: '1', PEP_ANYTHING: '1' };
    assert.deepEqual(
      problemsOf(() => loadSettings(core, { process: 'core', dotenvPath: noDotenv, known, environment })).map(
        (problem) => problem.split('|')[0],
      ),
      ['PEP_ANYTHING'],
    );
  });

  test('without the list of all names, a process checks its own prefix', () => {
    const dotenvPath = join(folder, 'alone.env');
    writeFileSync(dotenvPath, 'C2S_PORT=1\nMUC_SECRET=s\nMUC_SECRTE=s\n');
    assert.deepEqual(
      problemsOf(() => loadSettings(muc, { process: 'muc', dotenvPath, environment: {} })),
      ['MUC_SECRTE||no such setting (in .env); the nearest is MUC_SECRET'],
    );
  });

  test('rules between settings run when each alone is right', () => {
    const definition = defineSettings(
      {
        A: setting(integer(), { description: 'A.', default: 1 }),
        B: setting(boolean, { description: 'B.', default: true }),
      },
      (settings, problem) => {
        if (settings.B && settings.A > 1) problem('A', 'expected at most 1 while B is on');
      },
    );
    const load = (environment: NodeJS.ProcessEnv) =>
      problemsOf(() => loadSettings(definition, { process: 'x', dotenvPath: noDotenv, environment }));
    assert.deepEqual(load({ A: '2' }), ['A||expected at most 1 while B is on']);
    assert.deepEqual(load({ A: '2', B: 'off' }), []);
    assert.deepEqual(load({ A: '-1' }), ['A|-1|expected a whole number, at least 0']);
  });

  test('the nearest name counts a transposition as one edit', () => {
    assert.equal(nearest('STORAGE_ULR', ['STORAGE_URL', 'STORAGE_DIR']), 'STORAGE_URL');
    assert.equal(nearest('X', []), undefined);
  });
});
