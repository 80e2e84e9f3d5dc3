import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ name: z.string(), version: z.string() });

/** The version in package.json, from the compiled tree (`dist/shared/entity/`) or the sources beside it. */
export function softwareVersion(): string {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      const parsed = packageSchema.safeParse(
        JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')),
      );
      if (parsed.success && parsed.data.name === 'xmpp-entourage') return parsed.data.version;
    } catch {
      // Not there: it is in the other place.
    }
  }
  return 'unknown';
}
