import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreSettings } from '../../../core-server/settings.js';
import { loadSettings } from '../../../shared/settings/load.js';
import { SettingsError } from '../../../shared/settings/settings-error.js';

/** Names of the settings that are wrong in this environment. */
function wrong(environment: Record<string, string>): string[] {
  try {
    loadSettings(coreSettings, { process: 'core', environment, dotenvPath: '/nonexistent/.env' });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ name }) => name);
  }
}

test('components that keep unshared state refuse to be shared; grants are read before anything starts', () => {
  for (const name of ['vcard', 'pep']) {
    assert.deepEqual(wrong({ COMPONENTS: name, [`COMPONENT_${name.toUpperCase()}_CONFLICT`]: 'share' }), []);
  }
  assert.deepEqual(
    wrong({
      COMPONENTS: 'muc,privacy,vcard',
      COMPONENT_MUC_CONFLICT: 'share',
      COMPONENT_PRIVACY_CONFLICT: 'share',
      COMPONENT_VCARD_GRANTS: 'delegate:vcard-temp nonsense',
    }).sort(),
    ['COMPONENT_MUC_CONFLICT', 'COMPONENT_PRIVACY_CONFLICT', 'COMPONENT_VCARD_GRANTS'],
  );
});
