import { z } from 'zod';
import type { CollectionDefinition } from '../../../shared/storage/storage.js';
import { elementText } from '../../../shared/storage/stored-text.js';

const storedMessage = z.object({
  /** The stanza as wire text, stamped with its delay. */
  text: elementText,
});
export type StoredMessage = z.infer<typeof storedMessage>;

/** Messages that wait for their account, in order, by bare JID. */
export const OFFLINE_MESSAGES: CollectionDefinition<StoredMessage> = {
  name: 'offline',
  schema: storedMessage,
  schemaVersion: 1,
};
