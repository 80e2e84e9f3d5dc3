import type { PayloadMaker } from './core-payloads.js';
import type { Dice } from './dice.js';
import { anyForm, anyResultSet } from './forms.js';
import { element, type Node } from './tree.js';
import { anyBase64, anyNumber, anyText, anyValue } from './values.js';
import { anyJid, bareOf, type World } from './world.js';

const PUBSUB = 'http://jabber.org/protocol/pubsub';
const OWNER = 'http://jabber.org/protocol/pubsub#owner';

const NODES: readonly string[] = [
  'urn:xmpp:avatar:data',
  'urn:xmpp:avatar:metadata',
  'http://jabber.org/protocol/mood',
  'http://jabber.org/protocol/tune',
  'http://jabber.org/protocol/nick',
  'storage:bookmarks',
  'urn:xmpp:bookmarks:1',
  'urn:xmpp:omemo:2:devices',
  'princely_musings',
];

function anyNode(dice: Dice): string | undefined {
  if (dice.chance(0.03)) return undefined;
  return dice.chance(0.85) ? dice.pick(NODES) : anyText(dice);
}

function anyItem(dice: Dice, world: World): Node {
  const payload = dice.pick<() => Node>([
    () =>
      element(
        'mood',
        { xmlns: 'http://jabber.org/protocol/mood' },
        element('happy'),
        element('text', {}, anyText(dice)),
      ),
    () => element('data', { xmlns: 'urn:xmpp:avatar:data' }, anyBase64(dice)),
    () =>
      element(
        'metadata',
        { xmlns: 'urn:xmpp:avatar:metadata' },
        element('info', {
          id: anyText(dice),
          bytes: anyNumber(dice),
          type: 'image/png',
          width: anyNumber(dice),
          height: anyNumber(dice),
          url: dice.maybe(0.1, 'http://127.0.0.1/'),
        }),
      ),
    () =>
      element(
        'conference',
        { xmlns: 'urn:xmpp:bookmarks:1', autojoin: anyText(dice), name: anyText(dice) },
        element('nick', {}, anyText(dice)),
      ),
    () =>
      element(
        'storage',
        { xmlns: 'storage:bookmarks' },
        element('conference', { jid: anyJid(dice, world) }, anyText(dice)),
      ),
    () => element('x', { xmlns: anyText(dice) }, anyValue(dice)),
    () =>
      element(
        'entry',
        { xmlns: 'http://www.w3.org/2005/Atom' },
        element('title', {}, anyText(dice).repeat(1 + dice.size(10))),
      ),
  ]);
  const id = dice.maybe(0.8, dice.pick(['current', 'a', 'b', anyText(dice)]));
  return element('item', { id }, ...(dice.chance(0.9) ? [payload()] : dice.several(0, 2, payload)));
}

/** IQ payloads of personal eventing (XEP-0060, XEP-0163): publishing, retracting, subscribing, owning. */
export const pubsubPayloads: readonly PayloadMaker[] = [
  (dice, world) => ({
    type: 'set',
    node: element(
      'pubsub',
      { xmlns: PUBSUB },
      element(
        'publish',
        { node: anyNode(dice) },
        ...dice.several(dice.chance(0.9) ? 1 : 0, dice.chance(0.1) ? 5 : 1, () => anyItem(dice, world)),
      ),
      dice.maybe(0.4, element('publish-options', {}, anyForm(dice, world, `${PUBSUB}#publish-options`))),
    ),
  }),
  (dice) => ({
    type: 'set',
    node: element(
      'pubsub',
      { xmlns: PUBSUB },
      element(
        'retract',
        { node: anyNode(dice), notify: dice.maybe(0.3, dice.pick(['true', '1', '0', 'x'])) },
        ...dice.several(0, 2, () =>
          element('item', { id: dice.maybe(0.9, dice.pick(['current', 'a', anyText(dice)])) }),
        ),
      ),
    ),
  }),
  (dice, world) => ({
    type: 'get',
    to: dice.chance(0.5) ? anyJid(dice, world) : undefined,
    node: element(
      'pubsub',
      { xmlns: PUBSUB },
      element(
        dice.pick(['items', 'items', 'items', 'subscriptions', 'affiliations', 'default', 'options']),
        {
          node: anyNode(dice),
          max_items: dice.maybe(0.3, anyNumber(dice)),
          subid: dice.maybe(0.1, anyText(dice)),
          jid: dice.maybe(0.2, anyJid(dice, world)),
        },
        ...dice.several(0, 1, () => element('item', { id: anyText(dice) })),
      ),
      dice.maybe(0.5, anyResultSet(dice)),
    ),
  }),
  (dice, world) => {
    const jid = dice.chance(0.8) ? bareOf(world.own) : anyJid(dice, world);
    return {
      type: 'set',
      to: dice.chance(0.7) ? anyJid(dice, world) : undefined,
      node: element(
        'pubsub',
        { xmlns: PUBSUB },
        element(
          dice.pick(['subscribe', 'unsubscribe', 'options', 'create']),
          { node: anyNode(dice), jid: dice.maybe(0.95, jid), subid: dice.maybe(0.2, anyText(dice)) },
          dice.maybe(0.2, anyForm(dice, world)),
        ),
        dice.maybe(0.3, element(dice.pick(['options', 'configure']), {}, anyForm(dice, world))),
      ),
    };
  },
  (dice, world) => ({
    type: dice.chance(0.7) ? 'set' : 'get',
    node: element(
      'pubsub',
      { xmlns: OWNER },
      dice.pick<() => Node>([
        () =>
          element(
            'configure',
            { node: anyNode(dice) },
            dice.maybe(0.8, anyForm(dice, world, `${PUBSUB}#node_config`)),
          ),
        () =>
          element(
            'delete',
            { node: anyNode(dice) },
            dice.maybe(0.2, element('redirect', { uri: anyText(dice) })),
          ),
        () => element('purge', { node: anyNode(dice) }),
        () => element('default'),
        () =>
          element(
            'affiliations',
            { node: anyNode(dice) },
            ...dice.several(0, 4, () =>
              element('affiliation', {
                jid: dice.maybe(0.9, anyJid(dice, world)),
                affiliation: dice.maybe(
                  0.9,
                  dice.pick(['owner', 'publisher', 'member', 'none', 'outcast', 'publish-only', 'x']),
                ),
              }),
            ),
          ),
        () =>
          element(
            'subscriptions',
            { node: anyNode(dice) },
            ...dice.several(0, 4, () =>
              element('subscription', {
                jid: dice.maybe(0.9, anyJid(dice, world)),
                subscription: dice.maybe(
                  0.9,
                  dice.pick(['subscribed', 'none', 'pending', 'unconfigured', 'x']),
                ),
                subid: dice.maybe(0.1, anyText(dice)),
              }),
            ),
          ),
      ])(),
    ),
  }),
];
