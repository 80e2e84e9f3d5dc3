import { worldOf } from './client-door.js';
import type { Dice } from './dice.js';
import type { Door, Step } from './door.js';
import { anyScript, NONCE, WAIT } from './stream-scripts.js';
import type { SystemUnderFire } from './system.js';
import { textIn, Wire } from './wire.js';
import { cut } from './xml-mutations.js';

const WAIT_MILLISECONDS = 250;
const END_MILLISECONDS = 10_000;

/** What one script did: its stream must come to an end, and what was said to it must be XML. */
export async function runScript(
  system: SystemUnderFire,
  wire: Wire,
  steps: readonly Step[],
  dice: Dice,
  door: string,
  report: string,
): Promise<void> {
  let heard = 0;
  let nonce = '';
  let compressed = false;
  wire.onElement = (element) => {
    heard++;
    if (element.name === 'challenge') {
      const challenge = Buffer.from(textIn(element), 'base64').toString();
      nonce = /(?:^|,)(?:r|nonce)="?([^,"]*)/.exec(challenge)?.[1] ?? '';
    }
    if (element.name === 'proceed' || element.name === 'compressed') compressed = true;
    if (element.name === 'compressed' || element.name === 'proceed') wire.opaque = true;
    if (
      element.name === 'failure' &&
      element.children.some((child) => typeof child !== 'string' && child.name === 'internal-server-error')
    )
      system.findings.add(`${door}: failure internal-server-error`, report);
  };
  for (const step of steps) {
    if (step === WAIT) {
      const before = heard;
      await wire.until(() => heard > before || wire.closed || wire.ended, WAIT_MILLISECONDS);
      continue;
    }
    const bytes =
      typeof step === 'string'
        ? Buffer.from(
            step
              .replaceAll(NONCE, () => nonce)
              .replace(/\{b64:([^}]*)\}/gs, (_, text: string) => Buffer.from(text).toString('base64')),
          )
        : step;
    for (const chunk of dice.chance(0.15) ? cut(dice, bytes) : [bytes]) wire.send(chunk);
  }
  const finished = await wire.finish(END_MILLISECONDS);
  if (!finished) system.findings.add(`${door}: a stream did not end`, report);
  if (!compressed)
    for (const problem of wire.problems)
      system.findings.add(`${door}: ill-formed output`, `${problem} ${report}`);
  if (wire.streamError === 'internal-server-error')
    system.findings.add(`${door}: stream error internal-server-error`, report);
}

/** Clients from their first byte: headers, SASL, binding, compression, and what is no XMPP. */
export function streamDoor(system: SystemUnderFire): Door {
  return {
    name: 'c2s streams',
    async start() {
      await system.core.addUsers('a4');
    },
    make: (dice) => anyScript(dice, worldOf('a4@localhost/x')),
    async run(steps, dice, report) {
      const wire = await Wire.connect(system.core.address('c2s'));
      await runScript(system, wire, steps, dice, 'c2s streams', report);
    },
    async stop() {},
  };
}
