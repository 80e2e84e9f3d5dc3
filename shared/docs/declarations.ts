import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { compiledRoot, PROCESSES } from '../settings/registry.js';

const featureSchema = z.looseObject({
  name: z.string(),
  xeps: z
    .array(
      z.object({
        id: z.string().regex(/^(XEP-)?\d{4}$/),
        version: z.string(),
        status: z.enum(['complete', 'partial']).optional(),
        note: z.string().optional(),
      }),
    )
    .optional(),
  specifications: z.array(z.string()).optional(),
  metrics: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(['counter', 'gauge', 'histogram']),
        help: z.string(),
        labels: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

/** What a process declares of one capability: the core's `Feature`, or a component's entry of the same form. */
export type FeatureDeclaration = z.infer<typeof featureSchema>;

export interface ProcessFeatures {
  readonly process: string;
  readonly features: readonly FeatureDeclaration[];
}

/** The `features` that each process's `features.js` exports; importing it starts nothing. */
export async function declaredFeatures(): Promise<ProcessFeatures[]> {
  const found: ProcessFeatures[] = [];
  for (const { name, folder } of PROCESSES) {
    const path = join(compiledRoot, folder, 'features.js');
    if (!existsSync(path)) continue;
    const module: { features?: unknown } = await import(pathToFileURL(path).href);
    found.push({ process: name, features: z.array(featureSchema).parse(module.features) });
  }
  return found;
}
