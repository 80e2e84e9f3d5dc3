import type { Dice } from './dice.js';
import { element, type Node } from './tree.js';
import { anyNumber, anyText, anyValue } from './values.js';
import { anyJid, type World } from './world.js';

const TYPES: readonly string[] = [
  'boolean',
  'fixed',
  'hidden',
  'jid-multi',
  'jid-single',
  'list-multi',
  'list-single',
  'text-multi',
  'text-private',
  'text-single',
  'nonsense',
];

/** Fields that somebody reads, so that wrong values matter. */
const VARIABLES: readonly string[] = [
  'muc#roomconfig_roomname',
  'muc#roomconfig_roomdesc',
  'muc#roomconfig_maxusers',
  'muc#roomconfig_whois',
  'muc#roomconfig_persistentroom',
  'muc#roomconfig_membersonly',
  'muc#roomconfig_moderatedroom',
  'muc#roomconfig_passwordprotectedroom',
  'muc#roomconfig_roomsecret',
  'muc#roomconfig_publicroom',
  'muc#roomconfig_allowpm',
  'muc#roomconfig_presencebroadcast',
  'muc#roomconfig_roomadmins',
  'muc#roomconfig_roomowners',
  'muc#roomconfig_historylength',
  'muc#roomconfig_lang',
  'muc#roomconfig_pubsub',
  'muc#register_roomnick',
  'muc#role',
  'muc#jid',
  'muc#roomnick',
  'muc#request_allow',
  'pubsub#access_model',
  'pubsub#persist_items',
  'pubsub#max_items',
  'pubsub#send_last_published_item',
  'pubsub#deliver_payloads',
  'pubsub#notify_retract',
  'pubsub#notify_delete',
  'pubsub#notify_config',
  'pubsub#roster_groups_allowed',
  'pubsub#item_expire',
  'pubsub#publish_model',
  'pubsub#title',
  'pubsub#type',
  'pubsub#expire',
  'pubsub#include_body',
  'pubsub#show-values',
  'pubsub#digest_frequency',
  'pubsub#node',
  'pubsub#subscriber_jid',
  'pubsub#subid',
  'pubsub#allow',
  'pubsub#deliver',
  'pubsub#creator',
  'username',
  'password',
  'nick',
  'email',
  'accountjid',
  'accountjids',
  'announcement',
  'max_items',
  'delay',
];

const FORM_TYPES: readonly string[] = [
  'http://jabber.org/protocol/muc#roomconfig',
  'http://jabber.org/protocol/muc#register',
  'http://jabber.org/protocol/muc#request',
  'http://jabber.org/protocol/pubsub#node_config',
  'http://jabber.org/protocol/pubsub#publish-options',
  'http://jabber.org/protocol/pubsub#subscribe_options',
  'http://jabber.org/protocol/pubsub#subscribe_authorization',
  'http://jabber.org/protocol/admin',
  'jabber:iq:register',
];

const VALUES: readonly string[] = [
  '0',
  '1',
  'true',
  'false',
  'open',
  'presence',
  'roster',
  'whitelist',
  'authorize',
  'publishers',
  'subscribers',
  'never',
  'on_sub',
  'on_sub_and_presence',
  'anyone',
  'moderators',
  'participants',
  'visitor',
  'none',
];

/** A data form (XEP-0004) whose fields have wrong types, several values, none, or no name. */
export function anyForm(dice: Dice, world: World, formType: string = dice.pick(FORM_TYPES)): Node {
  const type = dice.chance(0.8) ? 'submit' : dice.pick(['cancel', 'form', 'result', '', 'x', undefined]);
  const fields = dice.several(0, 8, () => anyField(dice, world));
  const hidden = element(
    'field',
    { var: 'FORM_TYPE', type: dice.maybe(0.8, 'hidden') },
    element('value', {}, formType),
  );
  const all = dice.chance(0.85) ? [hidden, ...fields] : fields;
  if (dice.chance(0.05)) all.push(element('item', {}, ...fields), element('reported', {}, ...fields));
  return element('x', { xmlns: 'jabber:x:data', type }, ...all);
}

function anyField(dice: Dice, world: World): Node {
  const values = dice.several(0, dice.chance(0.1) ? 40 : 2, () => {
    const kind = dice.next();
    const text =
      kind < 0.5
        ? dice.pick(VALUES)
        : kind < 0.65
          ? anyJid(dice, world)
          : kind < 0.8
            ? anyNumber(dice)
            : anyValue(dice);
    return dice.chance(0.03) ? element('value', {}, element('value', {}, text)) : element('value', {}, text);
  });
  return element(
    'field',
    {
      var: dice.chance(0.9) ? dice.pick(VARIABLES) : dice.maybe(0.5, anyText(dice)),
      type: dice.maybe(0.5, dice.pick(TYPES)),
    },
    ...values,
    dice.maybe(0.05, element('required')),
  );
}

/** A result set request (XEP-0059) at its edges. */
export function anyResultSet(dice: Dice): Node {
  const part = (name: string, text: string | undefined): Node | undefined =>
    text === undefined ? undefined : element(name, {}, text);
  return element(
    'set',
    { xmlns: 'http://jabber.org/protocol/rsm' },
    part('max', dice.maybe(0.8, anyNumber(dice))),
    part('after', dice.maybe(0.3, anyText(dice))),
    part('before', dice.maybe(0.3, anyText(dice))),
    part('index', dice.maybe(0.2, anyNumber(dice))),
    part('first', dice.maybe(0.05, anyText(dice))),
    part('count', dice.maybe(0.05, anyNumber(dice))),
  );
}
