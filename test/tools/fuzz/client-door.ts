import { isRequest, openAttacker } from './client.js';
import type { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Door, Step } from './door.js';
import { Speaker } from './speaker.js';
import type { SystemUnderFire } from './system.js';
import { attributeOf, element, type Node, render, withAttribute } from './tree.js';
import { bareOf, type World } from './world.js';
import { mutateBytes, mutateText } from './xml-mutations.js';

export const ATTACKERS = ['a0', 'a1', 'a2', 'a3'] as const;
export const SERVICES = {
  muc: 'conference.localhost',
  pep: 'pep.localhost',
  vcard: 'vcard.localhost',
  privacy: 'privacy.localhost',
  bosh: 'bosh.localhost',
} as const;

const PLAIN_TARGET = /^(?:[a-z0-9]+@)?(?:[a-z]+\.)?localhost(?:\/|$)/;

/** What an attacker of this name can name. */
export function worldOf(own: string): World {
  return {
    domain: 'localhost',
    services: SERVICES,
    own,
    attackers: ATTACKERS.map((name) => `${name}@localhost`),
    victims: ['v0@localhost', 'v1@localhost'],
    rooms: [0, 1, 2, 3].map((n) => `r${n}@${SERVICES.muc}`).concat(`den@${SERVICES.muc}`),
  };
}

/** A stanza that says who sends it, for whoever gets it. */
export function marked(node: Node, by: string): Node {
  return { ...node, children: [...node.children, element('mark', { xmlns: 'urn:fuzz', by, again: by })] };
}

/** A few elements as one text; sometimes broken as text or bytes. `from`: set where the stream demands one. */
export function anySteps(dice: Dice, world: World, who: string, from?: string): Step[] {
  const text = dice
    .several(1, 4, () => {
      let node = anyElement(dice, world, `${who}-${dice.below(1e9)}`);
      // Between servers, and from components, stanzas need both addresses, and a wrong one ends the stream.
      if (from !== undefined && !PLAIN_TARGET.test(attributeOf(node, 'to') ?? '') && dice.chance(0.9))
        node = withAttribute(
          node,
          'to',
          dice.pick([world.domain, ...world.attackers, ...world.victims, ...world.rooms]),
        );
      if (from !== undefined && dice.chance(0.97))
        node = {
          ...node,
          attributes: [...node.attributes.filter(([name]) => name !== 'from'), ['from', from]],
        };
      if ((node.name === 'message' || node.name === 'presence') && dice.chance(0.5))
        node = marked(node, bareOf(from ?? world.own));
      return render(node);
    })
    .join(dice.pick(['', '', ' ', '\n']));
  if (dice.chance(0.08)) return [mutateText(dice, text)];
  if (dice.chance(0.04)) return [mutateBytes(dice, Buffer.from(text))];
  return [text];
}

/** Clients that are logged in, each with its own stream, and say anything. The first step says who. */
export function clientDoor(system: SystemUnderFire): Door {
  const speakers = ATTACKERS.map(
    (name) =>
      new Speaker(
        {
          name,
          namespace: 'jabber:client',
          pingAddresses: " to='localhost'",
          answersFrom: false,
          expects: (said) => isRequest(said, 'jabber:client'),
          connect: () => openAttacker(system.core, name, 'fuzz'),
        },
        system.findings,
      ),
  );
  return {
    name: 'c2s',
    async start() {
      await system.core.addUsers(...ATTACKERS);
      for (const speaker of speakers) await speaker.connect();
    },
    make(dice) {
      const who = dice.pick(ATTACKERS);
      return [who, ...anySteps(dice, worldOf(`${who}@localhost/fuzz`), who)];
    },
    async run([who, ...steps], dice, report) {
      const speaker = speakers[ATTACKERS.indexOf(who as (typeof ATTACKERS)[number])];
      for (const step of steps) await speaker?.say(step, dice, report);
    },
    told() {
      const sum = (of: (speaker: Speaker) => number): number =>
        speakers.reduce((total, one) => total + of(one), 0);
      return `${sum((one) => one.asked)} requests answered, ${sum((one) => one.streams)} streams`;
    },
    async stop() {
      for (const speaker of speakers) await speaker.stop();
    },
  };
}
