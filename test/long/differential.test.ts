import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transcript } from '../tools/differential/compare.js';
import { generate, THEMES } from '../tools/differential/generate.js';
import { Panel } from '../tools/differential/panel.js';
import { attackMilliseconds, FULL } from '../tools/long-mode.js';

/** Conversations of each theme; always the same ones, unless ENTOURAGE_SEED says where to begin. */
const EACH = FULL ? 40 : 8;
const AT_ONCE = 4;
const FIRST = Number(process.env['ENTOURAGE_SEED'] ?? 1);

test('random conversations go as with Prosody and ejabberd, but for the known differences', async (t) => {
  const panel = await Panel.start();
  if (typeof panel === 'string') return t.skip(`${panel} is not installed`);
  const themes = Object.keys(THEMES);
  const work = Array.from({ length: EACH }, (_, index) =>
    themes.map((theme) => [theme, FIRST + index] as const),
  );
  const waiting = work.flat();
  const end = performance.now() + attackMilliseconds({ short: 2, full: 15 });
  const found: string[] = [];
  let held = 0;
  try {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          if (performance.now() > end) return;
          const conversation = generate(...next);
          const difference = await panel.difference(conversation);
          held += 1;
          if (difference === undefined) continue;
          // one is made short; the others are probably of its kind
          const { steps } =
            found.length > 0 ? conversation : await panel.shortest(conversation, difference, end);
          const { at, line, counts } = difference;
          found.push(
            `${next.join(' ')}: ${at} heard ${line}\n${counts.join(', ')} times from ours, Prosody, ejabberd after\n${transcript({ ...conversation, steps }, steps.length)}`,
          );
        }
      }),
    );
  } finally {
    await panel.stop();
  }
  t.diagnostic(`${held} conversations, seeds ${FIRST} to ${FIRST + EACH - 1} of each theme`);
  assert.ok(held >= themes.length, `only ${held} conversations were held in time`);
  assert.deepEqual(found, []);
});
