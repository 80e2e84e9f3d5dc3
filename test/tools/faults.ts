import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessUnderTest } from './core-harness.js';

// What the tests of faults have in common.

/** Resolves after so long. */
export const after = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** A roster set (RFC 6121 §2.3) of the nth contact. */
export const rosterSet = (n: number, padding = '') =>
  `<query xmlns='jabber:iq:roster'><item jid='c${n}@elsewhere.example' name='n${n}${padding}'/></query>`;

/** What a process answers at `/readyz`. */
export async function isReady(process: ProcessUnderTest): Promise<boolean> {
  const { metrics } = JSON.parse(
    readFileSync(join(process.dataFolder, 'run', `${process.name}.json`), 'utf8'),
  ).addresses;
  const answer = await fetch(`http://${metrics}/readyz`);
  await answer.text();
  return answer.status === 200;
}

/** `/readyz` is where the run file says. */
export const METRICS = { METRICS_PORT: 'auto' };

/** Resolves when it fits; rejects where that takes too long. */
export async function eventually(
  what: string,
  fits: () => boolean | Promise<boolean>,
  milliseconds = 20_000,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await fits())) {
    assert.ok(performance.now() < end, `never: ${what}`);
    await after(50);
  }
}

/** A publish (XEP-0060 §7.1) of the one item of a node. */
export const publish = (text: string) =>
  "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:example:faults'>" +
  `<item id='current'><n xmlns='urn:example:faults'>${text}</n></item></publish></pubsub>`;
