import { createHash } from 'node:crypto';
import type { SystemUnderFire } from './system.js';
import { type Heard, Wire } from './wire.js';

/** A component's stream, in; what the core tells it of its grants goes where all goes. */
export async function openComponent(system: SystemUnderFire, domain: string): Promise<Wire> {
  const wire = await Wire.connect(system.core.address('component'));
  let first: Heard | undefined;
  wire.onElement = (heard) => {
    first ??= heard;
  };
  wire.send(
    `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`,
  );
  await wire.until(() => wire.headers > 0 || wire.closed, 10_000);
  const proof = createHash('sha1').update(`${wire.header['id']}${system.secret}`).digest('hex');
  wire.send(`<handshake>${proof}</handshake>`);
  await wire.until(() => first !== undefined || wire.closed, 10_000);
  if (first?.name !== 'handshake') throw new Error(`${domain} is not let in: ${wire.tail}`);
  return wire;
}
