import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnusableSettingError } from '../settings/settings-error.js';

/** Where a component's generated secret is. */
export function secretFile(dataFolder: string, component: string): string {
  return join(dataFolder, 'secrets', component);
}

/** Makes a component's secret once; only the operator's user may read it. Returns its file. */
export function ensureSecret(dataFolder: string, component: string): string {
  const path = secretFile(dataFolder, component);
  try {
    mkdirSync(join(dataFolder, 'secrets'), { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnusableSettingError({
      name: 'DATA_DIR',
      value: dataFolder,
      expected: `expected a folder that can be written (it is where STORAGE_URL is, if not set): ${reason}`,
    });
  }
  try {
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if (readFileSync(path, 'utf8').trim() === '')
      throw new Error(`the secret in ${path} is empty: remove that file`);
  }
  return path;
}
