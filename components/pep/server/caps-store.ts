import { z } from 'zod';
import type { Storage } from '../../../shared/storage/storage.js';

/** Proved capabilities: the nodes that clients with a hash want events of. */
export interface CapsStore {
  get(key: string): Promise<readonly string[] | undefined>;
  put(key: string, interests: readonly string[]): Promise<void>;
}

/** Hashes are free to invent: more than this are asked for anew after a restart. */
const STORED = 20_000;
/** Longer ones are no hash in base64. */
const KEY_LENGTH = 200;

/** What capabilities’ hashes stand for, in a storage: it outlives the process. */
export function openCapsStore(storage: Storage): CapsStore {
  const hashes = storage.keyval({
    name: 'capabilities',
    schema: z.object({ interests: z.array(z.string()) }),
    schemaVersion: 1,
  });
  let count: number | undefined;
  return {
    async get(key) {
      return key.length > KEY_LENGTH ? undefined : (await hashes.get(key))?.value.interests;
    },
    async put(key, interests) {
      count ??= await hashes.count();
      if (count >= STORED || key.length > KEY_LENGTH) return;
      count += 1;
      await hashes.put(key, { interests: [...interests] });
    },
  };
}
