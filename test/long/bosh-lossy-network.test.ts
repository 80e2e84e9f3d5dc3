import { test } from 'node:test';
import { startBosh } from '../tools/bosh-server.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';
import { lossyLimits, runOverLossyNetwork } from '../tools/lossy-bosh.js';

test('BOSH over a network that loses and reorders: everything once and in order', async (t) => {
  const bosh = await startBosh(lossyLimits);
  const end = performance.now() + attackMilliseconds({ short: 0.5, full: 15 });
  let seed = chosenSeed();
  let runs = 0;
  try {
    do {
      for (const hold of [0, 1, 2, 4]) {
        const acknowledges = runs % 2 === 0;
        await runOverLossyNetwork(bosh, { hold, acknowledges, count: 40, seed }).catch((error: unknown) => {
          throw new Error(`seed ${seed}, hold ${hold}, acknowledgements ${acknowledges}`, { cause: error });
        });
        runs++;
        seed++;
      }
    } while (performance.now() < end);
    t.diagnostic(`${runs} sessions`);
  } finally {
    await bosh.stop();
  }
});
