import { StorageError } from '../storage/storage.js';
import { StanzaError } from '../xmpp/stanza-error.js';

/**
 * What the sender of a request is told when carrying it out has failed: a StanzaError as it is; where the store is full
 * `resource-constraint`, where it does not work otherwise `internal-server-error`, both to be tried again later; else
 * `internal-server-error`.
 */
export function stanzaErrorOf(error: unknown): StanzaError {
  if (error instanceof StanzaError) return error;
  if (!(error instanceof StorageError)) return new StanzaError('internal-server-error');
  const condition = error.code === 'full' ? 'resource-constraint' : 'internal-server-error';
  return new StanzaError(condition, { type: 'wait' });
}
