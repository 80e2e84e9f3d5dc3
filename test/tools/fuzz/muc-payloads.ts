import type { PayloadMaker } from './core-payloads.js';
import { anyForm, anyResultSet } from './forms.js';
import { element } from './tree.js';
import { anyText } from './values.js';
import { anyJid } from './world.js';

const MUC = 'http://jabber.org/protocol/muc';

/** IQ payloads of rooms (XEP-0045, XEP-0425): administration, configuration, destruction, registration. */
export const mucPayloads: readonly PayloadMaker[] = [
  (dice, world) => ({
    type: dice.chance(0.7) ? 'set' : 'get',
    to: dice.pick(world.rooms),
    node: element(
      'query',
      { xmlns: `${MUC}#admin` },
      ...dice.several(0, dice.chance(0.05) ? 100 : 3, () =>
        element(
          'item',
          {
            affiliation: dice.maybe(0.6, dice.pick(['owner', 'admin', 'member', 'none', 'outcast', 'x', ''])),
            role: dice.maybe(0.4, dice.pick(['moderator', 'participant', 'visitor', 'none', 'x'])),
            // Attackers must not throw each other out for good: bans are of people who are not there.
            jid: dice.maybe(
              0.6,
              dice.chance(0.3) ? `nobody${dice.below(99)}@${world.domain}` : anyJid(dice, world),
            ),
            nick: dice.maybe(0.4, dice.pick(['nick', 'other', 'a1', anyText(dice)])),
          },
          dice.maybe(0.2, element('reason', {}, anyText(dice))),
          dice.maybe(0.1, element('actor', { jid: anyJid(dice, world) })),
        ),
      ),
      dice.maybe(0.1, anyResultSet(dice)),
    ),
  }),
  (dice, world) => ({
    type: dice.chance(0.8) ? 'set' : 'get',
    to: dice.pick(world.rooms),
    node: element(
      'query',
      { xmlns: `${MUC}#owner` },
      dice.maybe(0.95, anyForm(dice, world, `${MUC}#roomconfig`)),
    ),
  }),
  (dice, world) => ({
    type: 'set',
    to: dice.chance(0.3) ? dice.pick(world.rooms) : `gone${dice.below(20)}@${world.services['muc']}`,
    node: element(
      'query',
      { xmlns: `${MUC}#owner` },
      element(
        'destroy',
        { jid: dice.maybe(0.5, anyJid(dice, world)) },
        dice.maybe(0.5, element('reason', {}, anyText(dice))),
        dice.maybe(0.2, element('password', {}, anyText(dice))),
      ),
    ),
  }),
  (dice, world) => ({
    type: dice.chance(0.6) ? 'set' : 'get',
    to: dice.pick([...world.rooms, world.services['muc']]),
    node: element(
      'query',
      { xmlns: 'jabber:iq:register' },
      dice.maybe(0.1, element('remove')),
      dice.maybe(0.7, anyForm(dice, world, `${MUC}#register`)),
    ),
  }),
  (dice, world) => ({
    type: 'set',
    to: dice.pick(world.rooms),
    node: element(
      'moderate',
      { xmlns: 'urn:xmpp:message-moderate:1', id: dice.maybe(0.9, anyText(dice)) },
      element('retract', { xmlns: 'urn:xmpp:message-retract:1' }),
      element('reason', {}, anyText(dice)),
    ),
  }),
  (dice, world) => ({
    type: 'get',
    to: dice.pick([...world.rooms, world.services['muc']]),
    node: dice.pick([
      element('query', { xmlns: 'http://jabber.org/protocol/disco#items' }, anyResultSet(dice)),
      element('query', {
        xmlns: 'http://jabber.org/protocol/disco#info',
        node: dice.maybe(0.5, 'x-roomuser-item'),
      }),
      element('unique', { xmlns: `${MUC}#unique` }),
      element(
        'search',
        { xmlns: 'urn:xmpp:channel-search:0:search' },
        anyResultSet(dice),
        anyForm(dice, world, 'urn:xmpp:channel-search:0:search-params'),
      ),
      element('vCard', { xmlns: 'vcard-temp' }),
      element('ping', { xmlns: 'urn:xmpp:ping' }),
    ]),
  }),
];
