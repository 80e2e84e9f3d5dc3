import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pep } from '../../../components/pep/context.js';
import type { Account } from '../../../components/pep/nodes/account.js';
import type { PepNode } from '../../../components/pep/nodes/node.js';
import { subscribe } from '../../../components/pep/requests/subscribe.js';
import { xml } from '../../../shared/xml/element.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';

test('§6.1.3.9 one account cannot take all the places of a node, with however many resources', async () => {
  let node = {
    name: 'urn:n',
    config: { subscribable: true, accessModel: 'open', sendLast: 'never' },
    affiliations: {},
    subscriptions: [],
  } as unknown as PepNode;
  const account = {
    node: () => node,
    change: async (_: PepNode, change: Partial<PepNode>) => {
      node = { ...node, ...change };
      return node;
    },
  } as unknown as Account;
  const pep = {
    limits: { subscriptionsPerNode: 1_000 },
    refusal: async () => null,
  } as unknown as Pep;
  const ask = async (who: string): Promise<string> => {
    const action = xml('subscribe', { node: 'urn:n', jid: who });
    const pubsub = xml('pubsub', { xmlns: NS.pubsub }, action);
    try {
      await subscribe(pep, { from: jid(who), owner: 'juliet@a.example', pubsub, action }, account);
      return 'subscribed';
    } catch (error) {
      return error instanceof StanzaError ? (error.application?.getName() ?? error.condition) : String(error);
    }
  };
  const answers = [];
  for (let n = 0; n < 1_000; n++) answers.push(await ask(`stranger@evil.example/${n}`));
  assert.equal(answers.filter((answer) => answer === 'subscribed').length, 25);
  assert.equal(answers.at(-1), 'too-many-subscriptions');
  assert.equal(await ask('stranger@evil.example/0'), 'subscribed', 'asking again gives the one there is');
  assert.equal(await ask('stranger@evil.example.org/0'), 'subscribed');
});
