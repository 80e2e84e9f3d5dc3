import type { Dice } from './dice.js';
import { anyForm, anyResultSet } from './forms.js';
import { element, type Node } from './tree.js';
import { anyBase64, anyDate, anyNumber, anyText, anyValue } from './values.js';
import { anyJid, type World } from './world.js';

/** The payload of an IQ, and what it makes sense with; whoever uses it may change either. */
export interface Payload {
  readonly type: 'get' | 'set';
  readonly node: Node;
  readonly to?: string | undefined;
}

export type PayloadMaker = (dice: Dice, world: World) => Payload;

const query = (
  xmlns: string,
  attributes: Record<string, string | undefined> = {},
  ...children: (Node | string)[]
): Node => element('query', { xmlns, ...attributes }, ...children);

const NODES: readonly (string | undefined)[] = [
  undefined,
  '',
  'http://jabber.org/protocol/commands',
  'http://jabber.org/protocol/admin#add-user',
  'http://jabber.org/protocol/admin#delete-user',
  'http://jabber.org/protocol/admin#shutdown',
  'x-roomuser-item',
  'http://jabber.org/protocol/muc#rooms',
  'x-nick',
  'urn:xmpp:delegation:2::vcard-temp',
  'urn:xmpp:delegation:2:bare:disco#info:*',
  'urn:xmpp:delegation:2::',
  'http://jabber.org/protocol/muc#traffic',
];

/** IQ payloads that the core answers itself. */
export const corePayloads: readonly PayloadMaker[] = [
  (dice, world) => {
    const items = dice.several(0, 3, () =>
      element(
        'item',
        {
          jid: dice.maybe(0.95, anyJid(dice, world)),
          name: dice.maybe(0.5, anyText(dice)),
          subscription: dice.maybe(0.5, dice.pick(['remove', 'both', 'to', 'none', 'from', 'x'])),
          ask: dice.maybe(0.1, 'subscribe'),
          approved: dice.maybe(0.1, 'true'),
        },
        ...dice.several(0, dice.chance(0.1) ? 60 : 2, () => element('group', {}, anyText(dice))),
      ),
    );
    return {
      type: dice.chance(0.7) ? 'set' : 'get',
      node: query('jabber:iq:roster', { ver: dice.maybe(0.3, anyText(dice)) }, ...items),
    };
  },
  (dice, world) => ({
    type: 'get',
    to: anyJid(dice, world),
    node: query(
      dice.pick(['http://jabber.org/protocol/disco#info', 'http://jabber.org/protocol/disco#items']),
      { node: dice.chance(0.9) ? dice.pick(NODES) : anyText(dice) },
      ...(dice.chance(0.4) ? [anyResultSet(dice)] : []),
    ),
  }),
  (dice, world) => ({
    type: dice.chance(0.9) ? 'set' : 'get',
    to: dice.pick([world.domain, world.domain, anyJid(dice, world)]),
    node: element(
      'command',
      {
        xmlns: 'http://jabber.org/protocol/commands',
        node: dice.chance(0.8) ? dice.pick(NODES) : anyText(dice),
        action: dice.maybe(0.6, dice.pick(['execute', 'cancel', 'next', 'prev', 'complete', 'x', ''])),
        sessionid: dice.maybe(0.5, anyText(dice)),
        status: dice.maybe(0.1, 'completed'),
      },
      dice.maybe(0.5, anyForm(dice, world)),
      dice.maybe(0.1, element('actions', {}, element('next'))),
    ),
  }),
  (dice, world) => ({
    // Never a removal of one's own account: the attackers are needed again.
    type: dice.chance(0.3) ? 'set' : 'get',
    to: dice.pick([undefined, world.domain, dice.pick(Object.values(world.services))]),
    node: query(
      'jabber:iq:register',
      {},
      ...(dice.chance(0.5)
        ? [element('username', {}, anyText(dice)), element('key', {}, anyText(dice))]
        : [anyForm(dice, world, 'jabber:iq:register')]),
    ),
  }),
  (dice, world) => ({
    type: 'get',
    to: anyJid(dice, world),
    node: dice.pick([
      element('ping', { xmlns: 'urn:xmpp:ping' }, dice.maybe(0.1, anyText(dice))),
      element('time', { xmlns: 'urn:xmpp:time' }),
      query('jabber:iq:version'),
      query('jabber:iq:last', { seconds: dice.maybe(0.2, anyNumber(dice)) }),
    ]),
  }),
  (dice) => ({
    type: dice.chance(0.8) ? 'set' : 'get',
    node: dice.pick([
      element('enable', { xmlns: 'urn:xmpp:carbons:2' }),
      element('disable', { xmlns: 'urn:xmpp:carbons:2' }),
      element('session', { xmlns: 'urn:ietf:params:xml:ns:xmpp-session' }),
      element('bind', { xmlns: 'urn:ietf:params:xml:ns:xmpp-bind' }, element('resource', {}, anyText(dice))),
      element('ping', { xmlns: 'urn:xmpp:ping' }),
      element(
        'query',
        { xmlns: 'jabber:iq:auth' },
        element('username', {}, anyText(dice)),
        element('password', {}, anyText(dice)),
      ),
      element(
        'offline',
        { xmlns: 'http://jabber.org/protocol/offline' },
        element('item', { action: 'view', node: anyDate(dice) }),
        element('fetch'),
      ),
    ]),
  }),
  (dice) => ({
    type: dice.chance(0.7) ? 'set' : 'get',
    node: query(
      'jabber:iq:private',
      {},
      element(
        dice.pick(['storage', 'exodus', 'x']),
        { xmlns: dice.pick(['storage:bookmarks', 'storage:rosternotes', 'urn:x', '']) },
        anyValue(dice),
      ),
    ),
  }),
  (dice) => ({
    type: dice.pick(['get', 'set']),
    node: element(
      dice.pick(['query', 'x', 'link', 'delegation', 'privilege', 'addresses', 'forwarded', 'open', 'data']),
      {
        xmlns: dice.pick([
          '',
          'jabber:client',
          'jabber:iq:search',
          'urn:xmpp:mam:2',
          'urn:entourage:client-link:1',
          'urn:entourage:privacy-enforcement:1',
          'urn:xmpp:delegation:2',
          'urn:xmpp:privilege:2',
          'http://jabber.org/protocol/address',
          'urn:xmpp:forward:0',
          'http://jabber.org/protocol/bytestreams',
          anyText(dice),
        ]),
      },
    ),
  }),
];

/** IQ payloads of vCards (XEP-0054). */
export const vcardPayloads: readonly PayloadMaker[] = [
  (dice, world) => ({
    type: 'get',
    to: anyJid(dice, world),
    node: element('vCard', { xmlns: 'vcard-temp', version: dice.maybe(0.2, '3.0') }),
  }),
  (dice, world) => ({
    type: 'set',
    to: dice.maybe(0.1, anyJid(dice, world)),
    node: element(
      'vCard',
      { xmlns: 'vcard-temp' },
      ...dice.several(0, 5, () =>
        dice.pick<() => Node>([
          () => element('FN', {}, anyText(dice)),
          () => element('N', {}, element('FAMILY', {}, anyText(dice)), element('GIVEN', {}, anyText(dice))),
          () =>
            element(
              'PHOTO',
              {},
              dice.maybe(
                0.8,
                element(
                  'TYPE',
                  {},
                  dice.pick(['image/png', 'image/svg+xml', 'text/html', '', anyText(dice)]),
                ),
              ),
              dice.maybe(0.9, element('BINVAL', {}, anyBase64(dice), dice.maybe(0.05, element('x')))),
              dice.maybe(0.1, element('EXTVAL', {}, 'http://127.0.0.1/x')),
            ),
          () => element('BDAY', {}, anyDate(dice)),
          () => element('JABBERID', {}, anyJid(dice, world)),
          () => element('DESC', {}, anyText(dice).repeat(1 + dice.size(20))),
          () => element(dice.pick(['x', 'vCard', 'PHOTO', 'TEL']), { xmlns: dice.maybe(0.3, anyText(dice)) }),
        ])(),
      ),
    ),
  }),
];

/** IQ payloads of privacy lists and blocking (XEP-0016, XEP-0191). */
export const privacyPayloads: readonly PayloadMaker[] = [
  (dice, world) => ({
    type: dice.chance(0.8) ? 'set' : 'get',
    node: query(
      'jabber:iq:privacy',
      {},
      ...dice.several(0, 2, () =>
        dice.pick<() => Node>([
          () => element('active', { name: dice.maybe(0.7, listName(dice)) }),
          () => element('default', { name: dice.maybe(0.7, listName(dice)) }),
          () =>
            element(
              'list',
              { name: dice.maybe(0.95, listName(dice)) },
              ...dice.several(0, dice.chance(0.05) ? 100 : 4, () => privacyItem(dice, world)),
            ),
        ])(),
      ),
    ),
  }),
  (dice, world) => ({
    type: dice.chance(0.9) ? 'set' : 'get',
    node: element(
      dice.pick(['block', 'unblock', 'unblock', 'blocklist']),
      { xmlns: 'urn:xmpp:blocking' },
      ...dice.several(0, 3, () =>
        element(
          'item',
          { jid: dice.maybe(0.95, anyJid(dice, world)) },
          dice.maybe(
            0.2,
            element(
              'report',
              { xmlns: 'urn:xmpp:reporting:1', reason: anyText(dice) },
              element('text', {}, anyText(dice)),
            ),
          ),
        ),
      ),
    ),
  }),
];

function listName(dice: Dice): string {
  return dice.chance(0.7) ? dice.pick(['public', 'private', 'work']) : anyText(dice);
}

function privacyItem(dice: Dice, world: World): Node {
  const type = dice.maybe(0.8, dice.pick(['jid', 'group', 'subscription', 'x']));
  return element(
    'item',
    {
      type,
      value: dice.maybe(0.9, dice.pick([anyJid(dice, world), anyText(dice), 'both', 'none', 'to', 'from'])),
      action: dice.maybe(0.95, dice.pick(['allow', 'deny', 'allow', 'x'])),
      order: dice.maybe(0.95, dice.chance(0.7) ? String(dice.below(100)) : anyNumber(dice)),
    },
    ...dice.several(0, 2, () => element(dice.pick(['message', 'iq', 'presence-in', 'presence-out', 'x']))),
  );
}
