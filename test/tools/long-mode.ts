/** `npm run long` runs the long tests in full; `.ci/run` and anyone else runs their short modes. */
export const FULL = process.env['ENTOURAGE_LONG'] === 'full';

/** How long a long test attacks, in milliseconds: minutes in the short mode of `.ci/run` and in the full one of `npm run long`. */
export function attackMilliseconds(minutes: { short: number; full: number }): number {
  return (FULL ? minutes.full : minutes.short) * 60_000;
}

/** The seed of a random test: ENTOURAGE_SEED to repeat a run, else a new one. Say it, so that a failure can be repeated. */
export function chosenSeed(): number {
  const given = Number(process.env['ENTOURAGE_SEED']);
  return Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Math.random() * 0x7fff_ffff) + 1;
}
