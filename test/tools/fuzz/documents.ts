import type { Dice } from './dice.js';
import { anyAnswer, anyMessage, anyPresence, anyRequest } from './stanzas.js';
import { anyStreamElement } from './stream-elements.js';
import { type Node, render } from './tree.js';
import type { World } from './world.js';
import { mutateTree } from './xml-mutations.js';

/** A first-level element of a client's stream: stanzas of every kind, some of them mutated. */
export function anyElement(dice: Dice, world: World, id = `q${dice.below(1e9)}`): Node {
  const kind = dice.next();
  let node =
    kind < 0.55
      ? anyRequest(dice, world, id)
      : kind < 0.75
        ? anyMessage(dice, world)
        : kind < 0.92
          ? anyPresence(dice, world)
          : kind < 0.97
            ? anyAnswer(dice, world)
            : anyStreamElement(dice);
  for (let i = dice.chance(0.5) ? 0 : 1 + dice.below(2); i > 0; i--) node = mutateTree(dice, node);
  return node;
}

/** A whole stream as one document, well-formed. */
export function anyStream(dice: Dice, world: World): string {
  const declaration = dice.chance(0.5)
    ? dice.pick([
        "<?xml version='1.0'?>",
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<?xml version='1.0' standalone='yes' ?>\n",
      ])
    : '';
  const header = dice.pick([
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='localhost'>",
    '<stream xmlns="http://etherx.jabber.org/streams" xmlns:c="jabber:client">',
    "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:server' xmlns:db='jabber:server:dialback'>",
  ]);
  const name = /^<([a-z:]+)/.exec(header)?.[1] ?? '';
  const content = dice.several(0, 4, () => render(anyElement(dice, world)) + dice.pick(['', '', '\n', ' ']));
  return `${declaration}${header}${content.join('')}</${name}>`;
}

/** Addresses for documents that nobody receives. */
export const paperWorld: World = {
  domain: 'localhost',
  services: { muc: 'conference.localhost', pep: 'pep.localhost' },
  own: 'a0@localhost/fuzz',
  attackers: ['a0@localhost', 'a1@localhost'],
  victims: ['v0@localhost'],
  rooms: ['r0@conference.localhost'],
};
