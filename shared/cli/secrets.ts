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
  let secret: string;
  try {
    mkdirSync(join(dataFolder, 'secrets'), { recursive: true, mode: 0o700 });
    secret = readOrMake(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnusableSettingError({
      name: 'DATA_DIR',
      value: dataFolder,
      expected: `expected a folder that this user can write, with files that this user made (it is where STORAGE_URL is, if not set): ${reason}`,
    });
  }
  if (secret.trim() === '') throw new Error(`the secret in ${path} is empty: remove that file`);
  return path;
}

function readOrMake(path: string): string {
  const secret = `${randomBytes(32).toString('base64url')}\n`;
  try {
    writeFileSync(path, secret, { mode: 0o600, flag: 'wx' });
    return secret;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return readFileSync(path, 'utf8');
  }
}
