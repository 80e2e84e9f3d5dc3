import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayPublish, refusalOf } from '../../../components/pep/access.js';
import type { Affiliation, PepNode, Subscription } from '../../../components/pep/nodes/node.js';
import { configForm, NodeConfig } from '../../../components/pep/nodes/node-config.js';
import type { Contact } from '../../../components/pep/server/rosters.js';
import { jid } from '../../../shared/xmpp/jid.js';

const OWNER = 'juliet@capulet.lit';
const ROMEO = jid('romeo@montague.lit/orchard');
const LIMITS = { maxItems: 100, maxPayloadBytes: 1000 };

function node(
  config: Readonly<Record<string, string | readonly string[]>>,
  options: { affiliation?: Affiliation; subscription?: Subscription['state'] } = {},
): PepNode {
  const prefixed = Object.fromEntries(
    Object.entries(config).map(([name, value]) => [`pubsub#${name}`, value]),
  );
  return {
    name: 'n',
    number: 1,
    created: 0,
    creator: OWNER,
    config: new NodeConfig(configForm(LIMITS), LIMITS, {}).with(prefixed),
    affiliations: options.affiliation === undefined ? {} : { [ROMEO.bare]: options.affiliation },
    subscriptions:
      options.subscription === undefined
        ? []
        : [{ jid: ROMEO.bare, subid: 's', state: options.subscription }],
  };
}

const contact = (subscriber: boolean, ...groups: string[]): Contact => ({
  subscriber,
  subscribed: false,
  groups,
});

/** The error's condition and its pubsub condition, or `allowed`. */
function verdict(of: PepNode, known?: Contact, entity = ROMEO): string {
  const refusal = refusalOf(OWNER, of, entity, known);
  if (refusal === null) return 'allowed';
  return [refusal.condition, refusal.application?.getName()].filter(Boolean).join(' ');
}

test('who may subscribe and retrieve: access models (XEP-0060 §4.5)', () => {
  const presence = node({ access_model: 'presence' });
  assert.equal(verdict(presence), 'not-authorized presence-subscription-required');
  assert.equal(verdict(presence, contact(false)), 'not-authorized presence-subscription-required');
  assert.equal(verdict(presence, contact(true)), 'allowed');
  const roster = node({ access_model: 'roster', roster_groups_allowed: ['Friends', 'Family'] });
  assert.equal(verdict(roster, contact(false, 'Friends')), 'not-authorized presence-subscription-required');
  assert.equal(verdict(roster, contact(true, 'Servants')), 'not-authorized not-in-roster-group');
  assert.equal(verdict(roster, contact(true, 'Servants', 'Family')), 'allowed');
  assert.equal(verdict(node({ access_model: 'open' })), 'allowed');
  assert.equal(verdict(node({ access_model: 'whitelist' }), contact(true)), 'not-allowed closed-node');
  const authorize = { access_model: 'authorize' };
  assert.equal(verdict(node(authorize), contact(true)), 'not-authorized not-subscribed');
  assert.equal(verdict(node(authorize, { subscription: 'pending' })), 'not-authorized not-subscribed');
  assert.equal(verdict(node(authorize, { subscription: 'subscribed' })), 'allowed');
});

test('affiliations come before access models (XEP-0060 §4.1)', () => {
  for (const access_model of ['open', 'presence', 'roster', 'whitelist', 'authorize']) {
    const as = (affiliation: Affiliation): string =>
      verdict(node({ access_model }, { affiliation }), contact(true));
    assert.deepEqual(
      [as('member'), as('publisher'), as('publish-only'), as('outcast')],
      ['allowed', 'allowed', 'forbidden', 'forbidden'],
      access_model,
    );
    assert.equal(verdict(node({ access_model }), undefined, jid(`${OWNER}/balcony`)), 'allowed');
  }
});

test('who may publish', () => {
  const as = (publish_model: string, options: Parameters<typeof node>[1] = {}): boolean =>
    mayPublish(OWNER, node({ publish_model }, options), ROMEO);
  assert.deepEqual(
    ['publishers', 'subscribers', 'open'].map((model) => as(model)),
    [false, false, true],
  );
  assert.equal(as('subscribers', { subscription: 'pending' }), false);
  assert.equal(as('subscribers', { subscription: 'subscribed' }), true);
  for (const affiliation of ['publisher', 'publish-only'] as const) {
    assert.equal(as('publishers', { affiliation }), true);
  }
  assert.equal(as('publishers', { affiliation: 'member' }), false);
  assert.equal(as('open', { affiliation: 'outcast' }), false);
  assert.equal(mayPublish(OWNER, node({ publish_model: 'publishers' }), jid(`${OWNER}/x`)), true);
});

test('a configuration keeps only what differs from the defaults', () => {
  const defaults = new NodeConfig(configForm(LIMITS), LIMITS, {});
  const changed = defaults.with({
    'pubsub#max_items': 'max',
    'pubsub#persist_items': true,
    'pubsub#title': '',
  });
  assert.deepEqual(changed.overrides, { 'pubsub#max_items': 'max' });
  assert.equal(changed.maxItems, 100);
  assert.deepEqual(changed.with({ 'pubsub#max_items': '1' }).overrides, {});
  // What was allowed once and is more than today's bound counts as the bound.
  assert.equal(new NodeConfig(configForm(LIMITS), LIMITS, { 'pubsub#max_items': '5000' }).maxItems, 100);
});

test('a field that needs a value and is emptied has its default again, also where it was stored empty', () => {
  const defaults = new NodeConfig(configForm(LIMITS), LIMITS, {});
  const emptied = {
    'pubsub#access_model': '',
    'pubsub#max_items': '',
    'pubsub#item_expire': '',
    'pubsub#send_last_published_item': '',
    'pubsub#title': '',
  };
  const narrow = defaults.with({
    'pubsub#access_model': 'whitelist',
    'pubsub#max_items': '5',
    'pubsub#title': 't',
  });
  for (const config of [narrow.with(emptied), new NodeConfig(configForm(LIMITS), LIMITS, emptied)]) {
    assert.equal(config.accessModel, defaults.accessModel);
    assert.equal(config.maxItems, defaults.maxItems);
    assert.equal(config.itemLife, defaults.itemLife);
    assert.equal(config.sendLast, defaults.sendLast);
    assert.equal(config.title, '');
  }
  assert.equal(verdict(node({ access_model: 'damaged' }), contact(true)), 'not-allowed closed-node');
});
