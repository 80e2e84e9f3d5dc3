import type { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Step } from './door.js';
import { anyHeader, WAIT } from './stream-scripts.js';
import { element, render } from './tree.js';
import { anyText, anyValue, hostileJid } from './values.js';
import type { World } from './world.js';
import { mutateText, mutateTree } from './xml-mutations.js';

const DOMAINS: readonly string[] = [
  'attacker.test',
  'attacker.test',
  'localhost',
  'other.test',
  'conference.localhost',
];

/** An element of dialback (XEP-0220), asked or answered, by and about anybody. */
export function anyDialback(dice: Dice, id?: string): string {
  const domain = (usual: string): string | undefined => {
    if (dice.chance(0.7)) return usual;
    return dice.chance(0.7) ? dice.pick(DOMAINS) : dice.maybe(0.7, hostileJid(dice, DOMAINS));
  };
  const type = dice.maybe(0.5, dice.pick(['valid', 'valid', 'invalid', 'error', 'x']));
  const node = element(
    dice.pick(['db:result', 'db:verify', 'db:verify', 'db:x']),
    {
      from: domain('attacker.test'),
      to: domain('localhost'),
      id: dice.chance(0.7) ? id : dice.maybe(0.8, anyText(dice)),
      type,
    },
    dice.maybe(0.7, dice.chance(0.7) ? 'f'.repeat(64) : anyValue(dice)),
    type === 'error'
      ? element(
          'error',
          { type: 'cancel' },
          element(dice.pick(['item-not-found', 'x']), { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' }),
        )
      : undefined,
  );
  const text = render(dice.chance(0.2) ? mutateTree(dice, node) : node);
  return dice.chance(0.05) ? mutateText(dice, text) : text;
}

/** Another server's stream from its first byte. */
export function anyServerScript(dice: Dice, world: World): Step[] {
  const header = dice.chance(0.75)
    ? "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' " +
      `xmlns:db='jabber:server:dialback' to='${dice.chance(0.8) ? 'localhost' : dice.pick(DOMAINS)}' from='${dice.chance(0.7) ? 'attacker.test' : dice.pick(DOMAINS)}'${dice.pick([" version='1.0'", ''])}>`
    : anyHeader(dice, 'jabber:server');
  const steps: Step[] = [header];
  for (let i = dice.below(6); i > 0; i--) {
    steps.push(
      dice.pick<() => Step>([
        () => anyDialback(dice),
        () => anyDialback(dice),
        () => anyDialback(dice),
        () => `<bidi xmlns='urn:xmpp:bidi'/>`,
        () =>
          render(
            element(
              'auth',
              { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl', mechanism: dice.pick(['EXTERNAL', 'PLAIN', 'x']) },
              dice.pick(['=', '', anyValue(dice)]),
            ),
          ),
        () => render(anyElement(dice, world)),
        () => `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`,
        () => header,
        () => WAIT,
        () => '</stream:stream>',
      ])(),
    );
  }
  return steps;
}
