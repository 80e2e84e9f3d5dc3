import { ControlError } from '../../shared/cli/control-error.js';
import { createLogger } from '../../shared/observability/logger.js';
import { loadSettings } from '../../shared/settings/load.js';
import { openStorage } from '../../shared/storage/open.js';
import { coreSettings } from '../settings.js';
import { accountCommands } from './account-commands.js';
import { openAccounts } from './open-accounts.js';

/** What has to be cleaned after a removal that no running core could do itself. */
const CLEANED_LATER = ['core', 'vcard', 'pep', 'privacy'] as const;

/** Accounts of a store that no core has open, under the store's lock: for `entourage user …`. */
export async function openOfflineAccounts(environment: NodeJS.ProcessEnv) {
  const settings = loadSettings(coreSettings, { process: 'core', environment });
  const log = createLogger({ process: 'user' });
  log.level = 'warn';
  const storage = await openStorage(settings.STORAGE_URL, { process: 'core', log });
  const accounts = await openAccounts(storage, settings, log);
  const commands = accountCommands(accounts, (account) => accounts.remove(account, [...CLEANED_LATER]));
  return {
    async run(command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
      const handler = commands[command];
      if (handler === undefined) throw new ControlError('invalid', `${command} needs a running core`);
      return handler(args);
    },
    close: () => storage.close(),
  };
}
