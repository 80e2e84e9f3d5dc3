import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settings } from '../../../components/muc/settings.js';
import { loadSettings, SettingsError } from '../../../shared/settings/settings.js';

test('the folder of public logs is one in which files can be, now or when it is made', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-muc-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), '');
  const load = (path: string) =>
    loadSettings(settings, {
      process: 'muc',
      dotenvPath: join(folder, 'none'),
      environment: { MUC_SECRET: 'secret', MUC_LOG_DIR: path },
    });
  for (const path of [folder, join(folder, 'a', 'b')]) assert.equal(load(path).MUC_LOG_DIR, path);
  for (const path of [join(folder, 'file'), join(folder, 'file', 'a')]) {
    assert.throws(
      () => load(path),
      (error: unknown) =>
        error instanceof SettingsError && /MUC_LOG_DIR.*a folder in which/s.test(error.message),
    );
  }
});
