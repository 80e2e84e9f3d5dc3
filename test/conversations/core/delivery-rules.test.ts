import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

/**
 * RFC 6121 §8.5.4, table 1, every cell. What may happen: E an error comes back, S silence, O stored offline, D to the
 * addressed resource, M to the most available ones, A to all non-negative ones. Where the table leaves a choice, this is ours.
 */
type Outcome = 'E' | 'S' | 'O' | readonly string[];
interface Row {
  readonly condition: string;
  /** Priorities of the resources a, b, c; null is connected without presence. */
  readonly priorities: Readonly<Record<string, number | null>>;
  readonly to: string;
  readonly outcomes: Readonly<Record<'normal' | 'chat' | 'groupchat' | 'headline', Outcome>>;
}
const all = (outcome: Outcome) => ({ normal: outcome, chat: outcome, groupchat: outcome, headline: outcome });

const rows: readonly Row[] = [
  {
    condition: 'account does not exist',
    priorities: {},
    to: 'nobody@localhost',
    outcomes: { ...all('E'), headline: 'S' },
  },
  {
    condition: 'account does not exist',
    priorities: {},
    to: 'nobody@localhost/x',
    outcomes: { ...all('E'), headline: 'S' },
  },
  {
    condition: 'no active resources',
    priorities: {},
    to: 'juliet@localhost',
    outcomes: { normal: 'O', chat: 'O', groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'no active resources',
    priorities: {},
    to: 'juliet@localhost/x',
    outcomes: { normal: 'E', chat: 'O', groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'a connected resource without presence',
    priorities: { a: null },
    to: 'juliet@localhost',
    outcomes: { normal: 'O', chat: 'O', groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'a connected resource without presence',
    priorities: { a: null },
    to: 'juliet@localhost/a',
    outcomes: all(['a']),
  },
  {
    condition: 'only negative resources',
    priorities: { a: -1, b: -5 },
    to: 'juliet@localhost',
    outcomes: { normal: 'O', chat: 'O', groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'only negative resources',
    priorities: { a: -1, b: -5 },
    to: 'juliet@localhost/b',
    outcomes: all(['b']),
  },
  {
    condition: 'only negative resources',
    priorities: { a: -1, b: -5 },
    to: 'juliet@localhost/x',
    outcomes: { normal: 'E', chat: 'O', groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'one non-negative resource',
    priorities: { a: 0 },
    to: 'juliet@localhost',
    outcomes: { normal: ['a'], chat: ['a'], groupchat: 'E', headline: ['a'] },
  },
  {
    condition: 'one non-negative resource',
    priorities: { a: 0 },
    to: 'juliet@localhost/a',
    outcomes: all(['a']),
  },
  {
    condition: 'one non-negative resource',
    priorities: { a: 0 },
    to: 'juliet@localhost/x',
    outcomes: { normal: 'E', chat: ['a'], groupchat: 'E', headline: 'S' },
  },
  {
    condition: 'several, one the highest',
    priorities: { a: 5, b: 1, c: -1 },
    to: 'juliet@localhost',
    outcomes: { normal: ['a'], chat: ['a'], groupchat: 'E', headline: ['a', 'b'] },
  },
  {
    condition: 'several, two the highest',
    priorities: { a: 5, b: 5, c: 1 },
    to: 'juliet@localhost',
    outcomes: { normal: ['a', 'b'], chat: ['a', 'b'], groupchat: 'E', headline: ['a', 'b', 'c'] },
  },
  { condition: 'several', priorities: { a: 5, b: 1, c: -1 }, to: 'juliet@localhost/c', outcomes: all(['c']) },
  {
    condition: 'several',
    priorities: { a: 5, b: 1, c: -1 },
    to: 'juliet@localhost/x',
    outcomes: { normal: 'E', chat: ['a'], groupchat: 'E', headline: 'S' },
  },
];

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
  // not an interested resource: no roster pushes in between
  romeo = await core.login('romeo', 'orchard');
});
after(() => core.stop());

async function resources(priorities: Row['priorities']): Promise<Map<string, RawClient>> {
  const clients = new Map<string, RawClient>();
  for (const [name, priority] of Object.entries(priorities)) {
    const client = await core.login('juliet', name);
    if (priority !== null) await client.goOnline(`<presence><priority>${priority}</priority></presence>`);
    clients.set(name, client);
  }
  for (const client of clients.values()) await client.ping();
  for (const client of clients.values()) client.received.length = 0;
  return clients;
}

/** Logs in with a non-negative priority and returns the bodies of stored messages. */
async function stored(): Promise<string[]> {
  const reader = await core.online('juliet', 'reader');
  // what comes while stored messages are handed over comes after them
  romeo.send("<message to='juliet@localhost/reader' id='end'><body>end</body></message>");
  await reader.stanza((stanza) => stanza.id === 'end');
  const bodies = reader.received.flatMap((item) =>
    item.kind === 'element' && item.stanza.name === 'message'
      ? [item.stanza.element.getChildText('body') ?? '']
      : [],
  );
  await reader.close();
  return bodies;
}

describe('RFC 6121 §8.5.4, table 1', () => {
  for (const row of rows) {
    test(`${row.condition}, to ${row.to}`, async () => {
      const clients = await resources(row.priorities);
      for (const [type, outcome] of Object.entries(row.outcomes)) {
        const expected = Array.isArray(outcome) ? (outcome as string[]) : [];
        romeo.send(`<message to='${row.to}' type='${type}' id='${type}'><body>${type}</body></message>`);
        if (outcome === 'E') {
          const error = await romeo.element('message');
          assert.deepEqual([error.id, error.from, error.type], [type, row.to, 'error']);
          assert.equal(StanzaError.fromStanza(error).condition, 'service-unavailable');
        }
        await romeo.expectNothing();
        for (const [name, client] of clients) {
          if (expected.includes(name)) {
            const message = await client.element('message');
            assert.equal(message.type, type);
            assert.equal(message.to, row.to, '§8.5.2.1.1: `to` is not rewritten');
          }
          await client.expectNothing();
        }
      }
      // §8.5.2.1.1, §8.5.3.2.1: an error is delivered only where it is addressed to, and never answered
      romeo.send(
        `<message to='${row.to}' type='error' id='e'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
      );
      await romeo.expectNothing();
      for (const [name, client] of clients) {
        if (row.to.endsWith(`/${name}`)) assert.equal((await client.element('message')).type, 'error');
        await client.expectNothing();
      }
      for (const client of clients.values()) await client.close();
      const offline = Object.entries(row.outcomes).flatMap(([type, outcome]) =>
        outcome === 'O' ? [type] : [],
      );
      assert.deepEqual(await stored(), offline);
    });
  }
});

describe('RFC 6121 §8.5: presence and IQ by address', () => {
  test('§8.5.2.1.2, §8.5.3.1: presence to the bare JID reaches available resources, to a full one that one', async () => {
    const clients = await resources({ a: -1, b: null });
    for (const type of ['', " type='unavailable'"]) {
      romeo.send(
        `<presence to='juliet@localhost'${type}/><presence to='juliet@localhost/b'${type}/><presence to='juliet@localhost/x'${type}/>`,
      );
      await romeo.expectNothing();
      const a = await clients.get('a')?.element('presence');
      assert.deepEqual([a?.to, a?.from], ['juliet@localhost', 'romeo@localhost/orchard']);
      assert.equal((await clients.get('b')?.element('presence'))?.to, 'juliet@localhost/b');
      for (const client of clients.values()) await client.expectNothing();
    }
    for (const client of clients.values()) await client.close();
  });

  test('§8.5.1, §8.5.2.2.2: presence to nobody, or to somebody who is away, is silence', async () => {
    for (const to of ['nobody@localhost', 'nobody@localhost/x', 'juliet@localhost', 'juliet@localhost/x']) {
      romeo.send(`<presence to='${to}'/><presence to='${to}' type='unavailable'/>`);
    }
    for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
      romeo.send(`<presence to='nobody@localhost' type='${type}'/>`);
    }
    await romeo.expectNothing();
  });

  test('§8.5.2.1.3, §8.5.3.1, §8.5.3.2.3: IQs: the account answers, strangers get nowhere, answers arrive', async () => {
    const clients = await resources({ a: 0 });
    const a = clients.get('a');
    assert.ok(a);
    const ask = (to: string) => romeo.iq('get', "<query xmlns='http://example.org/unknown'/>", to);
    for (const to of [
      'juliet@localhost',
      'juliet@localhost/a',
      'juliet@localhost/x',
      'nobody@localhost',
      'nobody@localhost/x',
      'localhost',
      'localhost/x',
    ]) {
      const answer = await ask(to);
      assert.equal(answer.from, to);
      assert.equal(StanzaError.fromStanza(answer).condition, 'service-unavailable', to);
    }
    await a.expectNothing();
    // directed presence opens the way (§8.5.3.1)
    a.send("<presence to='romeo@localhost/orchard'/>");
    await romeo.element('presence');
    romeo.send(
      "<iq type='get' id='q' to='juliet@localhost/a'><query xmlns='http://example.org/unknown'/></iq>",
    );
    await a.expect(
      "<iq type='get' id='q' from='romeo@localhost/orchard' to='juliet@localhost/a'><query xmlns='http://example.org/unknown'/></iq>",
    );
    a.send("<iq type='result' id='q' to='romeo@localhost/orchard'/>");
    await romeo.expect("<iq type='result' id='q' from='juliet@localhost/a' to='romeo@localhost/orchard'/>");
    // and until it is taken back
    a.send("<presence to='romeo@localhost/orchard' type='unavailable'/>");
    await romeo.element('presence');
    assert.equal(StanzaError.fromStanza(await ask('juliet@localhost/a')).condition, 'service-unavailable');
    await a.close();
    await romeo.expectNothing();
  });

  test('RFC 6120 §8.3.1, §8.2.3: errors and results that nobody asked for are never answered', async () => {
    for (const to of [
      'localhost',
      'juliet@localhost',
      'juliet@localhost/x',
      'nobody@localhost',
      'romeo@localhost',
      'localhost/x',
    ]) {
      romeo.send(`<iq type='result' id='r' to='${to}'/>`);
      romeo.send(
        `<iq type='error' id='e' to='${to}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      romeo.send(
        `<presence type='error' to='${to}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
      );
      romeo.send(`<message type='error' to='${to}'/>`);
    }
    romeo.send("<iq type='result' id='r'/>");
    await romeo.expectNothing();
  });
});
