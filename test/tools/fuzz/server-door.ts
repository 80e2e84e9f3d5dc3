import { isRequest } from './client.js';
import { anySteps, SERVICES, worldOf } from './client-door.js';
import { Dice } from './dice.js';
import type { Door } from './door.js';
import { PEER, type ServerPeer } from './server-peer.js';
import { anyServerScript } from './server-scripts.js';
import { Speaker } from './speaker.js';
import { runScript } from './stream-door.js';
import type { SystemUnderFire } from './system.js';
import { type Heard, Wire } from './wire.js';

const HOSTED = /^(?:[^@/]+@)?(?:(?:conference|pep|vcard|privacy|bosh)\.)?localhost(?:\/|$)/s;
const DOMAINS = ['localhost', SERVICES.muc, SERVICES.pep];
const OWN = `x@${PEER}/y`;

/**
 * A server's stream, authenticated by dialback, with answers on the same stream (XEP-0288). The core asks about the keys on
 * the stream that it has to us, which the cases before may be ending at this moment: then it says so, and we try again.
 */
async function openServer(system: SystemUnderFire): Promise<Wire> {
  return (await tryServer(system, false)) ?? ((await tryServer(system, true)) as Wire);
}

async function tryServer(system: SystemUnderFire, last: boolean): Promise<Wire | null> {
  const wire = await Wire.connect(system.core.address('s2s'));
  const heard: Heard[] = [];
  wire.onElement = (element) => heard.push(element);
  wire.send(
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' " +
      `xmlns:db='jabber:server:dialback' to='localhost' from='${PEER}' version='1.0'>`,
  );
  await wire.until(() => heard.length > 0 || wire.closed, 10_000);
  // Each pair of domains is proved by itself (XEP-0220 §2.1).
  const keys = DOMAINS.map((to) => `<db:result from='${PEER}' to='${to}'>key</db:result>`);
  wire.send(`<bidi xmlns='urn:xmpp:bidi'/>${keys.join('')}`);
  const proved = (): number =>
    heard.filter(({ name, attributes }) => name === 'result' && attributes['type'] === 'valid').length;
  await wire.until(() => proved() === DOMAINS.length || wire.closed, 10_000);
  if (proved() === DOMAINS.length) return wire;
  if (last || !wire.tail.includes('<remote-server-timeout')) throw new Error(`dialback failed: ${wire.tail}`);
  wire.socket.destroy();
  return null;
}

/** Other servers: one that is who it says it is and sends anything, and connections that say anything from the start. */
export function serverDoor(peer: ServerPeer): (system: SystemUnderFire) => Door {
  return (system) => {
    const speaker = new Speaker(
      {
        name: 's2s',
        namespace: 'jabber:server',
        pingAddresses: ` from='${OWN}' to='localhost'`,
        answersFrom: true,
        expects: (said) =>
          isRequest(said, 'jabber:server') &&
          said.attributes['from'] === OWN &&
          HOSTED.test(said.attributes['to'] ?? ''),
        connect: () => openServer(system),
      },
      system.findings,
    );
    peer.onStanza = (heard) => speaker.hear(heard);
    return {
      name: 's2s',
      start: () => speaker.connect(),
      make(dice) {
        if (dice.chance(0.35))
          return ['stream', String(dice.below(2 ** 31)), ...anyServerScript(dice, worldOf(OWN))];
        // Addresses of others end the stream at once (RFC 6120 §8.1.1.2): mostly they are ours.
        const world = { ...worldOf(OWN), own: 'a2@localhost/s2s' };
        return ['stanzas', ...anySteps(dice, world, 's2s', OWN)];
      },
      async run([kind, ...steps], dice, report) {
        if (kind === 'stanzas') {
          for (const step of steps) await speaker.say(step, dice, report);
          return;
        }
        const [seed, ...script] = steps;
        peer.mischief = new Dice(Number(seed));
        await runScript(system, await Wire.connect(system.core.address('s2s')), script, dice, 's2s', report);
        peer.mischief = undefined;
        // The next question is asked on a new connection.
        if (!dice.chance(0.4)) return;
        peer.drop();
        await speaker.settle();
      },
      told: () =>
        `${speaker.asked} requests answered, ${speaker.streams} streams, ${peer.connections} connections of the core`,
      stop: () => speaker.stop(),
    };
  };
}
