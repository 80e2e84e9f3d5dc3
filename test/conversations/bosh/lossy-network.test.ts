import { after, before, test } from 'node:test';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { chosenSeed } from '../../tools/long-mode.js';
import { lossyLimits, runOverLossyNetwork } from '../../tools/lossy-bosh.js';

// XEP-0124 as a whole, where nothing can be relied on; for longer in test/long/bosh-lossy-network.test.ts.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh(lossyLimits);
});
after(() => bosh.stop());

const seed = chosenSeed();

for (const [hold, acknowledges] of [
  [1, false],
  [1, true],
  [3, false],
  [3, true],
] as const) {
  const how = `hold='${hold}', ${acknowledges ? 'with' : 'without'} acknowledgements`;
  test(`${how}: everything once and in order (seed ${seed})`, () =>
    runOverLossyNetwork(bosh, { hold, acknowledges, count: 25, seed }));
}
