import { worldOf } from './client-door.js';
import { openComponent } from './component-client.js';
import type { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Door } from './door.js';
import { Speaker } from './speaker.js';
import { anyStreamElement } from './stream-elements.js';
import type { SystemUnderFire } from './system.js';
import { element, type Node, render, withAttribute } from './tree.js';
import { anyNumber, anyText, anyValue, hostileJid } from './values.js';
import { mutateText, mutateTree } from './xml-mutations.js';

const LINK = 'urn:entourage:client-link:1';
const FRONT = 'front.localhost';

function operation(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  ...content: (Node | string | undefined)[]
): Node {
  return element(
    'message',
    { from: FRONT, to: 'localhost' },
    element(name, { xmlns: LINK, ...attributes }, ...content),
  );
}

/** The life of one stream on the link, and what does not belong to it. */
function anyLife(dice: Dice): Node[] {
  const stream = `s${dice.below(2 ** 31)}-${dice.below(2 ** 31)}`;
  const world = worldOf('a3@localhost/link');
  const plain = Buffer.from('\0a3\0secret').toString('base64');
  const data = (node: Node): Node =>
    operation(
      'data',
      { stream, h: dice.maybe(0.1, anyNumber(dice)) },
      node.attributes.some(([name]) => name === 'xmlns') || dice.chance(0.03)
        ? node
        : withAttribute(node, 'xmlns', 'jabber:client'),
    );
  const nodes: Node[] = [
    operation('open', {
      stream,
      to: dice.chance(0.95) ? 'localhost' : hostileJid(dice, ['localhost']),
      from: dice.maybe(0.1, hostileJid(dice, ['localhost'])),
      version: dice.maybe(0.97, dice.chance(0.97) ? '1.0' : anyNumber(dice)),
      'xml:lang': dice.maybe(0.1, anyText(dice)),
      transport: dice.maybe(0.5, 'bosh'),
      address: dice.maybe(0.95, dice.chance(0.9) ? '192.0.2.7' : anyText(dice)),
      secure: dice.maybe(0.9, dice.pick(['true', 'true', 'false', 'x'])),
      credit: dice.maybe(0.97, dice.chance(0.9) ? '65536' : anyNumber(dice)),
    }),
    data(element('auth', { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl', mechanism: 'PLAIN' }, plain)),
    operation('restart', { stream, to: 'localhost', version: '1.0' }),
    data(
      element(
        'iq',
        { type: 'set', id: 'b' },
        element('bind', { xmlns: 'urn:ietf:params:xml:ns:xmpp-bind' }, element('resource', {}, 'link')),
      ),
    ),
  ];
  for (let i = dice.below(6); i > 0; i--) {
    nodes.push(
      dice.pick<() => Node>([
        () => data(anyElement(dice, world)),
        () => data(anyElement(dice, world)),
        () => data(anyStreamElement(dice)),
        () =>
          operation('credit', {
            stream,
            bytes: dice.maybe(0.95, anyNumber(dice)),
            h: dice.maybe(0.5, anyNumber(dice)),
          }),
        () => operation('restart', { stream, to: 'localhost', version: '1.0' }),
        () => operation('open', { stream, to: 'localhost', credit: 1 }),
        () =>
          operation(
            'data',
            { stream },
            ...dice.several(0, 2, () =>
              dice.pick<() => Node | string>([
                () => anyText(dice),
                () => element('iq', { xmlns: 'jabber:client' }),
              ])(),
            ),
          ),
        () =>
          operation(
            dice.pick(['opened', 'data', 'close', 'link', 'x']),
            { stream: dice.chance(0.5) ? stream : anyText(dice), h: anyNumber(dice) },
            dice.maybe(0.3, anyElement(dice, world)),
          ),
        () =>
          element(
            'message',
            {
              from: dice.pick([FRONT, `x@${FRONT}`]),
              to: dice.pick(['localhost', 'a0@localhost', FRONT]),
              type: dice.maybe(0.3, 'error'),
              id: dice.maybe(0.3, 'x'),
            },
            element('data', { xmlns: LINK, stream }),
            element('data', { xmlns: LINK, stream }),
          ),
      ])(),
    );
  }
  if (dice.chance(0.8))
    nodes.push(
      operation('close', {
        stream,
        condition: dice.maybe(
          0.5,
          dice.pick(['connection-lost', 'policy-violation', 'system-shutdown', anyText(dice)]),
        ),
        h: dice.maybe(0.5, anyNumber(dice)),
      }),
    );
  return nodes;
}

/** A front with a client link, whose operations and clients are anything. */
export function linkDoor(system: SystemUnderFire): Door {
  const speaker = new Speaker(
    {
      name: 'link',
      namespace: 'jabber:component:accept',
      pingAddresses: ` from='${FRONT}' to='localhost'`,
      answersFrom: true,
      expects: () => false,
      connect: async () => {
        const wire = await openComponent(system, FRONT);
        const { onElement } = wire;
        let linked = false;
        wire.onElement = (heard) => {
          if (heard.attributes['id'] === 'link') linked = true;
        };
        wire.send(
          `<iq type='set' id='link' from='${FRONT}' to='localhost'><link xmlns='${LINK}' min='1' max='1'/></iq>`,
        );
        await wire.until(() => linked || wire.closed, 10_000);
        wire.onElement = onElement;
        return wire;
      },
    },
    system.findings,
  );
  return {
    name: 'client link',
    async start() {
      await system.core.addUsers('a3').catch(() => undefined);
      await speaker.connect();
    },
    make(dice) {
      let nodes = anyLife(dice);
      if (dice.chance(0.3)) nodes = [...nodes, ...anyLife(dice)].sort(() => dice.next() - 0.5);
      if (dice.chance(0.4)) {
        const at = dice.below(nodes.length);
        nodes = nodes.map((node, i) => (i === at ? mutateTree(dice, node) : node));
      }
      const text = nodes.map(render).join('');
      const link = render(
        element(
          'iq',
          { type: dice.pick(['get', 'set']), id: 'l', from: FRONT, to: 'localhost' },
          element('link', {
            xmlns: LINK,
            min: dice.maybe(0.9, anyNumber(dice)),
            max: dice.maybe(0.9, anyValue(dice).slice(0, 50)),
          }),
        ),
      );
      const all = dice.chance(0.05) ? text + link : text;
      return [dice.chance(0.04) ? mutateText(dice, all) : all];
    },
    async run(steps, dice, report) {
      for (const step of steps) await speaker.say(step, dice, report);
    },
    told: () => `${speaker.streams} links`,
    stop: () => speaker.stop(),
  };
}
