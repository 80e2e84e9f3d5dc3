import { capsElement } from '../../../shared/xmpp/caps.js';
import { CAPS_FEATURES, CAPS_NODE } from './run.js';
import { iq, type Repertoire, type Scene, toOther } from './scene.js';

/** What is said about the nodes of accounts (XEP-0163). */

const PUBSUB = 'http://jabber.org/protocol/pubsub';
const TUNE = 'http://jabber.org/protocol/tune';
const caps = capsElement(CAPS_NODE, {
  identities: [{ category: 'client', type: 'pc' }],
  features: CAPS_FEATURES,
}).toString();
export const capsPresence = `<presence>${caps}</presence>`;

function node(scene: Scene): string {
  return scene.pick(TUNE, TUNE, TUNE, 'urn:example:node');
}
const publishOptions = (model: string): string =>
  `<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#publish-options</value></field><field var='pubsub#access_model'><value>${model}</value></field></x></publish-options>`;
const configForm = (model: string, persist: boolean): string =>
  `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#node_config</value></field><field var='pubsub#access_model'><value>${model}</value></field>${persist ? "<field var='pubsub#persist_items'><value>1</value></field><field var='pubsub#max_items'><value>10</value></field>" : ''}</x>`;

export const pep: Repertoire = [
  [
    5,
    iq(
      'set',
      'publish',
      (scene) =>
        `<pubsub xmlns='${PUBSUB}'><publish node='${node(scene)}'><item id='item${scene.pick(1, 2)}'><tune xmlns='${TUNE}'><title>t${scene.id()}</title></tune></item></publish></pubsub>`,
    ),
  ],
  [
    0.5,
    iq(
      'set',
      'publish empty tune',
      `<pubsub xmlns='${PUBSUB}'><publish node='${TUNE}'><item id='item1'><tune xmlns='${TUNE}'/></item></publish></pubsub>`,
    ),
  ],
  [
    1,
    (scene) => {
      const model = scene.pick('presence', 'open', 'whitelist', 'roster', 'authorize');
      return iq(
        'set',
        `publish with options ${model}`,
        `<pubsub xmlns='${PUBSUB}'><publish node='${node(scene)}'><item id='item1'><tune xmlns='${TUNE}'/></item></publish>${publishOptions(model)}</pubsub>`,
      )(scene);
    },
  ],
  [
    0.4,
    iq(
      'set',
      'publish to another',
      `<pubsub xmlns='${PUBSUB}'><publish node='${TUNE}'><item id='item1'><tune xmlns='${TUNE}'/></item></publish></pubsub>`,
      toOther,
    ),
  ],
  [
    0.3,
    iq(
      'set',
      'publish two items',
      `<pubsub xmlns='${PUBSUB}'><publish node='${TUNE}'><item id='item1'><tune xmlns='${TUNE}'/></item><item id='item2'><tune xmlns='${TUNE}'/></item></publish></pubsub>`,
    ),
  ],
  [
    0.3,
    iq(
      'set',
      'publish no payload',
      `<pubsub xmlns='${PUBSUB}'><publish node='${TUNE}'><item id='item1'/></publish></pubsub>`,
    ),
  ],
  [0.3, iq('set', 'publish no item', `<pubsub xmlns='${PUBSUB}'><publish node='${TUNE}'/></pubsub>`)],
  [
    0.3,
    iq(
      'set',
      'publish no node',
      `<pubsub xmlns='${PUBSUB}'><publish><item id='item1'><tune xmlns='${TUNE}'/></item></publish></pubsub>`,
    ),
  ],
  [
    1.5,
    (scene) => {
      const notify = scene.pick('', " notify='true'");
      return iq(
        'set',
        `retract${notify}`,
        `<pubsub xmlns='${PUBSUB}'><retract node='${node(scene)}'${notify}><item id='item${scene.pick(1, 2)}'/></retract></pubsub>`,
      )(scene);
    },
  ],
  [2, iq('get', 'items own', (scene) => `<pubsub xmlns='${PUBSUB}'><items node='${node(scene)}'/></pubsub>`)],
  [
    3,
    iq(
      'get',
      'items of another',
      (scene) => `<pubsub xmlns='${PUBSUB}'><items node='${node(scene)}'/></pubsub>`,
      toOther,
    ),
  ],
  [
    0.5,
    iq(
      'get',
      'items max',
      (scene) => `<pubsub xmlns='${PUBSUB}'><items node='${node(scene)}' max_items='1'/></pubsub>`,
      toOther,
    ),
  ],
  [
    0.5,
    iq(
      'get',
      'items by id',
      (scene) => `<pubsub xmlns='${PUBSUB}'><items node='${node(scene)}'><item id='item1'/></items></pubsub>`,
      toOther,
    ),
  ],
  [
    0.7,
    iq(
      'set',
      'delete',
      (scene) => `<pubsub xmlns='${PUBSUB}#owner'><delete node='${node(scene)}'/></pubsub>`,
    ),
  ],
  [
    0.5,
    iq('set', 'purge', (scene) => `<pubsub xmlns='${PUBSUB}#owner'><purge node='${node(scene)}'/></pubsub>`),
  ],
  [
    0.3,
    iq(
      'set',
      'delete of another',
      (scene) => `<pubsub xmlns='${PUBSUB}#owner'><delete node='${node(scene)}'/></pubsub>`,
      toOther,
    ),
  ],
  [
    1,
    (scene) => {
      const model = scene.pick('presence', 'open', 'whitelist', 'roster', 'authorize');
      return iq(
        'set',
        `configure ${model}`,
        `<pubsub xmlns='${PUBSUB}#owner'><configure node='${node(scene)}'>${configForm(model, scene.chance(0.5))}</configure></pubsub>`,
      )(scene);
    },
  ],
  [0.5, iq('set', 'create', (scene) => `<pubsub xmlns='${PUBSUB}'><create node='${node(scene)}'/></pubsub>`)],
  [
    0.3,
    iq(
      'get',
      'configuration',
      (scene) => `<pubsub xmlns='${PUBSUB}#owner'><configure node='${node(scene)}'/></pubsub>`,
    ),
  ],
  [
    0.7,
    iq(
      'set',
      'subscribe to node',
      (scene) =>
        `<pubsub xmlns='${PUBSUB}'><subscribe node='${node(scene)}' jid='${scene.pick(scene.own(), scene.speaker.replace('/', '@localhost/'))}'/></pubsub>`,
      toOther,
    ),
  ],
  [
    0.4,
    iq(
      'set',
      'unsubscribe from node',
      (scene) =>
        `<pubsub xmlns='${PUBSUB}'><unsubscribe node='${node(scene)}' jid='${scene.own()}'/></pubsub>`,
      toOther,
    ),
  ],
  [
    0.3,
    iq(
      'get',
      'affiliations',
      (scene) => `<pubsub xmlns='${PUBSUB}#owner'><affiliations node='${node(scene)}'/></pubsub>`,
    ),
  ],
  [
    0.4,
    (scene) => {
      const value = scene.pick('member', 'publisher', 'outcast', 'none', 'owner');
      return iq(
        'set',
        `affiliate ${value}`,
        `<pubsub xmlns='${PUBSUB}#owner'><affiliations node='${node(scene)}'><affiliation jid='${scene.other()}' affiliation='${value}'/></affiliations></pubsub>`,
      )(scene);
    },
  ],
  [
    0.3,
    iq('get', 'disco#items of another', "<query xmlns='http://jabber.org/protocol/disco#items'/>", toOther),
  ],
  [0.5, () => ['presence with caps', capsPresence]],
  [0.5, () => ['unavailable', "<presence type='unavailable'/>"]],
];
