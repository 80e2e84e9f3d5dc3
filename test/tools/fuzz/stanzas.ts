import { corePayloads, type PayloadMaker, privacyPayloads, vcardPayloads } from './core-payloads.js';
import type { Dice } from './dice.js';
import { anyForm } from './forms.js';
import { mucPayloads } from './muc-payloads.js';
import { pubsubPayloads } from './pubsub-payloads.js';
import { element, type Node, withAttribute } from './tree.js';
import { anyDate, anyNumber, anyText, anyValue, hostileId } from './values.js';
import { anyJid, anyTarget, bareOf, type World } from './world.js';

const areas: readonly (readonly PayloadMaker[])[] = [
  corePayloads,
  vcardPayloads,
  privacyPayloads,
  pubsubPayloads,
  pubsubPayloads,
  mucPayloads,
];

/** An IQ get or set in a namespace that we serve. `id` is the caller's, so that its answer is known. */
export function anyRequest(dice: Dice, world: World, id: string): Node {
  const { type, node, to } = dice.pick(dice.pick(areas))(dice, world);
  return element(
    'iq',
    {
      type,
      id,
      to: dice.chance(0.12) ? anyTarget(dice, world) : to,
      'xml:lang': dice.maybe(0.05, dice.pick(['en', '', 'x-fuzz', anyText(dice)])),
      from: dice.maybe(0.05, dice.chance(0.7) ? world.own : bareOf(world.own)),
    },
    node,
    dice.maybe(0.02, element('query', { xmlns: 'urn:x' })),
  );
}

/** An IQ result or error that nobody asked for. */
export function anyAnswer(dice: Dice, world: World): Node {
  const type = dice.pick(['result', 'error']);
  return element(
    'iq',
    { type, id: hostileId(dice), to: anyTarget(dice, world) },
    dice.maybe(0.5, dice.pick(dice.pick(areas))(dice, world).node),
    type === 'error' ? anyError(dice, world) : undefined,
  );
}

function anyError(dice: Dice, world: World): Node {
  const condition = dice.pick([
    'service-unavailable',
    'item-not-found',
    'gone',
    'recipient-unavailable',
    'remote-server-not-found',
    'not-acceptable',
    'x',
  ]);
  return element(
    'error',
    {
      type: dice.maybe(0.9, dice.pick(['cancel', 'wait', 'auth', 'modify', 'continue', 'x'])),
      by: dice.maybe(0.2, anyJid(dice, world)),
      code: dice.maybe(0.2, anyNumber(dice)),
    },
    element(
      condition,
      { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' },
      condition === 'gone' ? anyText(dice) : undefined,
    ),
    dice.maybe(
      0.2,
      element(
        'text',
        { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas', 'xml:lang': anyText(dice) },
        anyText(dice),
      ),
    ),
  );
}

/** Elements that messages and presences carry. */
function anyExtension(dice: Dice, world: World, depth = 0): Node {
  const makers: (() => Node)[] = [
    () =>
      element('delay', {
        xmlns: 'urn:xmpp:delay',
        stamp: dice.maybe(0.9, anyDate(dice)),
        from: dice.maybe(0.5, anyJid(dice, world)),
      }),
    () => element('x', { xmlns: 'jabber:x:delay', stamp: anyDate(dice) }),
    () => element('stanza-id', { xmlns: 'urn:xmpp:sid:0', id: anyText(dice), by: anyJid(dice, world) }),
    () => element('origin-id', { xmlns: 'urn:xmpp:sid:0', id: dice.maybe(0.9, anyText(dice)) }),
    () => element('active', { xmlns: 'http://jabber.org/protocol/chatstates' }),
    () =>
      element(dice.pick(['request', 'received']), {
        xmlns: 'urn:xmpp:receipts',
        id: dice.maybe(0.7, anyText(dice)),
      }),
    () =>
      element(dice.pick(['store', 'no-store', 'no-copy', 'no-permanent-store']), { xmlns: 'urn:xmpp:hints' }),
    () => element('private', { xmlns: 'urn:xmpp:carbons:2' }),
    () =>
      element('c', {
        xmlns: 'http://jabber.org/protocol/caps',
        hash: dice.maybe(0.9, dice.pick(['sha-1', 'md5', anyText(dice)])),
        node: anyText(dice),
        ver: dice.maybe(0.9, anyValue(dice)),
        ext: dice.maybe(0.2, anyText(dice)),
      }),
    () =>
      element('x', { xmlns: 'vcard-temp:x:update' }, dice.maybe(0.8, element('photo', {}, anyValue(dice)))),
    () =>
      element(
        'x',
        { xmlns: 'http://jabber.org/protocol/muc#user' },
        ...dice.several(0, 2, () =>
          dice.pick([
            element(
              'invite',
              { to: dice.maybe(0.9, anyJid(dice, world)), from: dice.maybe(0.2, anyJid(dice, world)) },
              element('reason', {}, anyText(dice)),
              element('continue', { thread: anyText(dice) }),
            ),
            element('decline', { to: dice.maybe(0.9, anyJid(dice, world)) }),
            element('status', { code: anyNumber(dice) }),
            element('item', { affiliation: 'owner', role: 'moderator', jid: anyJid(dice, world) }),
            element('password', {}, anyText(dice)),
          ]),
        ),
      ),
    () => element('x', { xmlns: 'jabber:x:conference', jid: anyJid(dice, world), reason: anyText(dice) }),
    () => anyForm(dice, world),
    () =>
      element(
        'event',
        { xmlns: 'http://jabber.org/protocol/pubsub#event' },
        element(
          'items',
          { node: anyText(dice) },
          element('item', { id: anyText(dice) }, element('x', { xmlns: 'urn:x' })),
        ),
      ),
    () => element('replace', { xmlns: 'urn:xmpp:message-correct:0', id: anyText(dice) }),
    () => element('thread', { parent: dice.maybe(0.3, anyText(dice)) }, anyText(dice)),
    () => element('subject', { 'xml:lang': dice.maybe(0.2, anyText(dice)) }, anyText(dice)),
    () =>
      element(
        'html',
        { xmlns: 'http://jabber.org/protocol/xhtml-im' },
        element('body', { xmlns: 'http://www.w3.org/1999/xhtml' }, anyText(dice)),
      ),
    () =>
      element(
        'addresses',
        { xmlns: 'http://jabber.org/protocol/address' },
        ...dice.several(0, 5, () =>
          element('address', {
            type: dice.pick(['to', 'cc', 'bcc', 'noreply', 'x']),
            jid: anyJid(dice, world),
            delivered: dice.maybe(0.1, 'true'),
          }),
        ),
      ),
    () => element('query', { xmlns: 'urn:xmpp:mam:2' }, anyForm(dice, world)),
    () =>
      element(
        'stream:error',
        { 'xmlns:stream': 'http://etherx.jabber.org/streams' },
        element('conflict', { xmlns: 'urn:ietf:params:xml:ns:xmpp-streams' }),
      ),
    () => element('fallback', { xmlns: 'urn:xmpp:fallback:0', for: anyText(dice) }),
    () => element('nick', { xmlns: 'http://jabber.org/protocol/nick' }, anyText(dice)),
    () =>
      element(
        'offline',
        { xmlns: 'http://jabber.org/protocol/offline' },
        element('item', { node: anyDate(dice) }),
      ),
  ];
  if (depth < 4)
    makers.push(
      () => anyWrapper(dice, world, depth),
      () => anyWrapper(dice, world, depth),
    );
  return dice.pick(makers)();
}

/** Stanzas in stanzas, as carbons, delegation, privileges, archives and the client link have them: not for clients to send. */
export function anyWrapper(dice: Dice, world: World, depth = 0): Node {
  const inner = withAttribute(
    withAttribute(
      anyBare(dice, world, depth + 1),
      'xmlns',
      dice.chance(0.9) ? 'jabber:client' : dice.pick(['jabber:server', '', 'jabber:component:accept']),
    ),
    'from',
    dice.maybe(0.8, anyJid(dice, world)),
  );
  const forwarded = element(
    'forwarded',
    { xmlns: 'urn:xmpp:forward:0' },
    dice.maybe(0.3, element('delay', { xmlns: 'urn:xmpp:delay', stamp: anyDate(dice) })),
    ...(dice.chance(0.95) ? [inner] : []),
  );
  return dice.pick<() => Node>([
    () => element(dice.pick(['sent', 'received']), { xmlns: 'urn:xmpp:carbons:2' }, forwarded),
    () =>
      element('privilege', { xmlns: dice.pick(['urn:xmpp:privilege:2', 'urn:xmpp:privilege:1']) }, forwarded),
    () =>
      element(
        'delegation',
        { xmlns: dice.pick(['urn:xmpp:delegation:2', 'urn:xmpp:delegation:1']) },
        forwarded,
      ),
    () => element('privileged_iq', { xmlns: 'urn:xmpp:privilege:2' }, inner),
    () =>
      element(
        'privilege',
        { xmlns: 'urn:xmpp:privilege:2' },
        ...['roster', 'message', 'presence', 'iq'].map((access) =>
          element('perm', { access, type: dice.pick(['both', 'outgoing', 'roster', 'none']) }),
        ),
      ),
    () =>
      element(
        'delegation',
        { xmlns: 'urn:xmpp:delegation:2' },
        element('delegated', { namespace: 'vcard-temp' }),
      ),
    () =>
      element('result', { xmlns: 'urn:xmpp:mam:2', id: anyText(dice), queryid: anyText(dice) }, forwarded),
    () =>
      element(
        dice.pick(['data', 'open', 'close', 'restart', 'credit', 'opened']),
        {
          xmlns: 'urn:entourage:client-link:1',
          stream: anyText(dice),
          to: world.domain,
          version: '1.0',
          credit: anyNumber(dice),
          h: anyNumber(dice),
        },
        inner,
      ),
    () => forwarded,
    () => inner,
  ])();
}

function anyBare(dice: Dice, world: World, depth: number): Node {
  const kind = dice.next();
  if (kind < 0.4) return anyMessage(dice, world, depth);
  if (kind < 0.6) return anyPresence(dice, world, depth);
  return anyRequest(dice, world, `inner${dice.below(1000)}`);
}

export function anyMessage(dice: Dice, world: World, depth = 0): Node {
  const type = dice.maybe(
    0.85,
    dice.pick(['chat', 'normal', 'headline', 'groupchat', 'groupchat', 'error', 'x', '']),
  );
  return element(
    'message',
    {
      to:
        type === 'groupchat' && dice.chance(0.8)
          ? dice.pick(world.rooms)
          : dice.maybe(0.95, anyJid(dice, world)),
      type,
      id: dice.chance(0.5) ? `m${dice.below(1e6)}` : hostileId(dice),
      'xml:lang': dice.maybe(0.1, anyText(dice)),
    },
    ...dice.several(0, 2, () =>
      element('body', { 'xml:lang': dice.maybe(0.2, anyText(dice)) }, anyText(dice).repeat(1 + dice.size(5))),
    ),
    ...dice.several(0, 2, () => anyExtension(dice, world, depth)),
    type === 'error' && dice.chance(0.9) ? anyError(dice, world) : undefined,
    dice.maybe(0.05, anyText(dice)),
  );
}

export function anyPresence(dice: Dice, world: World, depth = 0): Node {
  const kind = dice.next();
  if (kind < 0.35) {
    // Entering, changing nick or leaving a room.
    const nick = dice.chance(0.7) ? dice.pick(['nick', 'other', 'a1', 'a2', 'a3']) : anyText(dice);
    return element(
      'presence',
      {
        to: `${dice.pick(world.rooms)}/${nick}`,
        type: dice.maybe(0.25, 'unavailable'),
        id: dice.maybe(0.3, anyText(dice)),
      },
      dice.maybe(
        0.8,
        element(
          'x',
          { xmlns: 'http://jabber.org/protocol/muc' },
          dice.maybe(
            0.4,
            element('history', {
              maxstanzas: dice.maybe(0.5, anyNumber(dice)),
              maxchars: dice.maybe(0.3, anyNumber(dice)),
              seconds: dice.maybe(0.3, anyNumber(dice)),
              since: dice.maybe(0.3, anyDate(dice)),
            }),
          ),
          dice.maybe(0.2, element('password', {}, anyText(dice))),
        ),
      ),
      ...dice.several(0, 1, () => anyExtension(dice, world, depth)),
    );
  }
  const directed = kind < 0.8;
  return element(
    'presence',
    {
      to: directed ? anyJid(dice, world) : undefined,
      type: dice.maybe(
        0.7,
        dice.pick(
          directed
            ? [
                'subscribe',
                'subscribed',
                'unsubscribe',
                'unsubscribed',
                'probe',
                'unavailable',
                'error',
                'invisible',
                'x',
              ]
            : ['x', 'probe', 'subscribe', 'error', 'unavailable'],
        ),
      ),
      id: dice.maybe(0.3, anyText(dice)),
    },
    dice.maybe(0.5, element('show', {}, dice.pick(['away', 'chat', 'dnd', 'xa', 'x', '', anyText(dice)]))),
    dice.maybe(0.5, element('status', {}, anyText(dice))),
    dice.maybe(0.5, element('priority', {}, anyNumber(dice))),
    ...dice.several(0, 3, () => anyExtension(dice, world, depth)),
    dice.maybe(0.05, anyError(dice, world)),
  );
}
