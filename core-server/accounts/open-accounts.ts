import type { Logger } from '../../shared/observability/types.js';
import type { Storage } from '../../shared/storage/storage.js';
import type { Domain } from '../../shared/xmpp/jid.js';
import type { CoreSettings } from '../settings.js';
import { Accounts } from './accounts.js';

/** Opens the accounts as the settings want them kept: for the core, and for the command line while no core runs. */
export function openAccounts(storage: Storage, settings: CoreSettings, log: Logger): Promise<Accounts> {
  return Accounts.open({
    storage,
    domains: settings.XMPP_DOMAINS as unknown as readonly Domain[],
    kept: {
      scram: ['SHA-256', 'SHA-1'],
      plain: settings.PASSWORD_STORAGE === 'plain',
      digestMd5: settings.SASL_DIGEST_MD5,
    },
    log,
    iterations: settings.SASL_ITERATIONS,
  });
}
