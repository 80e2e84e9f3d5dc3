#!/usr/bin/env node
// The command `entourage`. What it does is TypeScript, compiled into dist.
import { existsSync } from 'node:fs';

const compiled = new URL('../../dist/shared/cli/main.js', import.meta.url);
if (existsSync(compiled)) {
  const { main } = await import(compiled.href);
  process.exitCode = await main(process.argv.slice(2), process.env);
} else {
  console.error(
    'entourage is not built yet: run `npm start`, or `npm ci && npm run build`, in its folder first',
  );
  process.exitCode = 1;
}
