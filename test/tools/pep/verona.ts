import assert from 'node:assert/strict';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../core-harness.js';
import type { RawClient } from '../raw-client.js';
import { befriend, Interests } from './interested-client.js';
import { ownerPubsub, PUBSUB, publishRequest, pubsub, submission } from './pubsub.js';

/** The node of all these tests, and whose it is. */
export const NODE = 'urn:example:node';
export const JULIET = 'juliet@localhost';

export const payload = (text: string): string => `<entry xmlns='urn:example:entry'>${text}</entry>`;
export const item = (id: string, text = id): string => `<item id='${id}'>${payload(text)}</item>`;
/** The result of Juliet's service to a full JID. */
export const result = (to: string, content = ''): string =>
  content === ''
    ? `<iq type='result' id='*' from='${JULIET}' to='${to}'/>`
    : `<iq type='result' id='*' from='${JULIET}' to='${to}'>${content}</iq>`;

export interface Verona {
  readonly juliet: RawClient;
  /** A contact who wants events of {@link NODE}. */
  readonly romeo: RawClient;
  /** A stranger. */
  readonly paris: RawClient;
  /** An IQ to Juliet's service. */
  ask(client: RawClient, type: 'get' | 'set', content: string): Promise<Stanza>;
  /** Juliet's own. */
  own(type: 'get' | 'set', content: string): Promise<Stanza>;
  create(config?: Readonly<Record<string, string | readonly string[]>>): Promise<void>;
  publish(id: string, text?: string): Promise<void>;
  /** The ids of the items that a client gets. */
  ids(client: RawClient, content?: string): Promise<string[]>;
  subscribe(client: RawClient, jid: string): Promise<Stanza>;
  affiliate(jid: string, affiliation: string): Promise<void>;
  /** Deletes every node, and forgets what has come. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** A core with personal eventing in small bounds, Juliet, her contact Romeo and the stranger Paris, all online. */
export async function startVerona(): Promise<Verona> {
  const core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
  await core.addUsers('juliet', 'romeo', 'paris');
  await core.component('pep', { PEP_MAX_NODES: '5', PEP_MAX_ITEMS: '20', PEP_MAX_SUBSCRIPTIONS: '3' });
  const juliet = await core.online('juliet', 'balcony');
  const romeo = await core.online('romeo', 'orchard');
  const paris = await core.online('paris', 'street');
  await befriend(juliet, romeo);
  const interests = new Interests(NODE);
  romeo.send(interests.presence);
  await interests.answer(romeo);
  await romeo.ping();

  const ask: Verona['ask'] = (client, type, content) => client.iq(type, content, JULIET);
  const own: Verona['own'] = (type, content) => juliet.iq(type, content);
  const done = async (answer: Promise<Stanza>): Promise<Stanza> => {
    const stanza = await answer;
    assert.equal(stanza.type, 'result', stanza.text);
    return stanza;
  };
  return {
    juliet,
    romeo,
    paris,
    ask,
    own,
    async create(config) {
      const configure =
        config === undefined ? '' : `<configure>${submission('node_config', config)}</configure>`;
      await done(own('set', pubsub(`<create node='${NODE}'/>${configure}`)));
    },
    async publish(id, text = id) {
      await done(own('set', publishRequest(NODE, item(id, text))));
    },
    async ids(client, content = `<items node='${NODE}'/>`) {
      const answer = await done(ask(client, 'get', pubsub(content)));
      const items = answer.element.getChild('pubsub', PUBSUB)?.getChild('items');
      return (items?.getChildren('item') ?? []).map(({ attrs }) => attrs['id'] ?? '');
    },
    subscribe: (client, jid) => ask(client, 'set', pubsub(`<subscribe node='${NODE}' jid='${jid}'/>`)),
    async affiliate(jid, affiliation) {
      const change = `<affiliation jid='${jid}' affiliation='${affiliation}'/>`;
      await done(own('set', ownerPubsub(`<affiliations node='${NODE}'>${change}</affiliations>`)));
    },
    async reset() {
      const items = await ask(juliet, 'get', "<query xmlns='http://jabber.org/protocol/disco#items'/>");
      for (const { attrs } of items.element.getChild('query')?.getChildren('item') ?? []) {
        await own('set', ownerPubsub(`<delete node='${attrs['node']}'/>`));
      }
      for (const client of [juliet, romeo, paris]) {
        await client.ping();
        client.received.length = 0;
      }
    },
    stop: () => core.stop(),
  };
}
