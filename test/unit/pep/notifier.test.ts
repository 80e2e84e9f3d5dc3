import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item, PepNode } from '../../../components/pep/nodes/node.js';
import { configForm, NodeConfig } from '../../../components/pep/nodes/node-config.js';
import { publishEvent, retractEvent } from '../../../components/pep/notify/events.js';
import { Notifier } from '../../../components/pep/notify/notifier.js';
import type { CapsEntry } from '../../../components/pep/server/caps-cache.js';
import { Presences } from '../../../components/pep/server/presences.js';
import type { Rosters } from '../../../components/pep/server/rosters.js';
import type { Component } from '../../../shared/component/component.js';
import type { Counter } from '../../../shared/observability/types.js';
import { child, type Element } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

// What a resource hears that is being sent last items while the owner goes on publishing.

const OWNER = 'juliet@capulet.lit';
const HOME = `${OWNER}/balcony`;
const LIMITS = { maxItems: 100, maxPayloadBytes: 1000 };
const NODE: PepNode = {
  name: 'n',
  number: 1,
  created: 0,
  creator: OWNER,
  config: new NodeConfig(configForm(LIMITS), LIMITS, {}),
  affiliations: {},
  subscriptions: [],
};
const item = (id: string): Item => ({ id, publisher: HOME, stamp: 0, place: 1, size: 0, payload: '' });

function setUp() {
  const heard: string[] = [];
  const component = {
    onUp: () => undefined,
    drained: async () => undefined,
    privileged: {
      sendMessageAs(message: Element) {
        const event = child(message, 'event', NS.pubsubEvent);
        const what = event?.getChild('items')?.children[0];
        if (typeof what === 'object') heard.push(`${what.getName()} ${what.attrs['id']}`);
      },
    },
  } as unknown as Component;
  const presences = new Presences();
  presences.available(OWNER, 'balcony', { interests: new Set(['n']) } as unknown as CapsEntry);
  const notifier = new Notifier({
    component,
    presences,
    rosters: { get: async () => new Map() } as unknown as Rosters,
    sent: { inc: () => undefined } as unknown as Counter,
  });
  const publish = (id: string) =>
    notifier.event(OWNER, NODE, publishEvent(NODE, item(id)), { publisher: HOME, id });
  const lastItem = (id: string) =>
    notifier.lastItem(OWNER, NODE, { to: HOME, sharesPresence: true }, item(id));
  const arrive = (during: () => void) =>
    notifier.whileArriving(HOME, async () => {
      during();
      await notifier.sent(OWNER);
    });
  return { notifier, heard, publish, lastItem, arrive };
}

test('an item that an event has told does not come again as the last item', async () => {
  const { heard, publish, lastItem, arrive } = setUp();
  await arrive(() => {
    publish('new');
    lastItem('new');
  });
  assert.deepEqual(heard, ['item new']);
});

test('the retraction of an item keeps the one that is the last now from nobody (XEP-0163 §4.3.2)', async () => {
  const { notifier, heard, publish, lastItem, arrive } = setUp();
  await arrive(() => {
    notifier.event(OWNER, NODE, retractEvent(NODE, ['old']));
    lastItem('kept');
  });
  assert.deepEqual(heard.splice(0), ['retract old', 'item kept']);
  await arrive(() => {
    publish('wrong');
    notifier.event(OWNER, NODE, retractEvent(NODE, ['wrong']));
    lastItem('kept');
  });
  assert.deepEqual(heard, ['item wrong', 'retract wrong', 'item kept']);
});
