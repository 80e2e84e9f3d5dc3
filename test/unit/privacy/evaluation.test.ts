import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledList } from '../../../core-server/privacy/compiled-list.js';
import type { ItemKind, RuleItem } from '../../../core-server/privacy/rule-document.js';
import type { RuleStanzaKind } from '../../../core-server/privacy/rule-evaluator.js';
import { AccountState } from '../../../core-server/sessions/account-state.js';
import { type BareJid, type Jid, jid } from '../../../shared/xmpp/jid.js';

const account = new AccountState(jid('romeo@example.net'), true);
const contact = (address: string, subscription: 'none' | 'to' | 'from' | 'both', ...groups: string[]) =>
  account.roster.items.set(address as BareJid, {
    jid: address as BareJid,
    subscription,
    groups,
    ask: false,
    approved: false,
  });
contact('friend@example.org', 'both', 'Friends');
contact('fan@example.org', 'from');
contact('idol@example.org', 'to', 'Friends', 'Idols');
contact('former@example.org', 'none', 'Enemies');

const item = (
  type: RuleItem['type'],
  value: string,
  action: 'allow' | 'deny',
  order: number,
  ...kinds: ItemKind[]
): RuleItem => ({ type, value, allow: action === 'allow', order, kinds });

const ask = (
  items: RuleItem[],
  direction: 'in' | 'out',
  kind: RuleStanzaKind,
  peer: string,
): 'allow' | 'deny' | 'blocked' => new CompiledList(items).evaluate(direction, kind, jid(peer), account);

test('XEP-0016 §2.9–2.13: every example, in both directions', () => {
  const table: [RuleItem[], 'in' | 'out', RuleStanzaKind, string, string][] = [
    // §2.9 messages
    [
      [item('jid', 'tybalt@example.com', 'deny', 3, 'message')],
      'in',
      'message',
      'tybalt@example.com/pda',
      'deny',
    ],
    [
      [item('jid', 'tybalt@example.com', 'deny', 3, 'message')],
      'out',
      'message',
      'tybalt@example.com/pda',
      'allow',
    ],
    [
      [item('jid', 'tybalt@example.com', 'deny', 3, 'message')],
      'in',
      'iq',
      'tybalt@example.com/pda',
      'allow',
    ],
    [[item('group', 'Enemies', 'deny', 4, 'message')], 'in', 'message', 'former@example.org/x', 'deny'],
    [[item('group', 'Enemies', 'deny', 4, 'message')], 'in', 'message', 'friend@example.org/x', 'allow'],
    [[item('subscription', 'none', 'deny', 5, 'message')], 'in', 'message', 'stranger@example.com', 'deny'],
    [[item('subscription', 'none', 'deny', 5, 'message')], 'in', 'message', 'former@example.org', 'deny'],
    [[item('subscription', 'none', 'deny', 5, 'message')], 'in', 'message', 'fan@example.org', 'allow'],
    [[item(null, '', 'deny', 6, 'message')], 'in', 'message', 'friend@example.org', 'deny'],
    // §2.10 presence-in
    [
      [item('jid', 'tybalt@example.com', 'deny', 7, 'presence-in')],
      'in',
      'presence-in',
      'tybalt@example.com/pda',
      'deny',
    ],
    [
      [item('jid', 'tybalt@example.com', 'deny', 7, 'presence-in')],
      'out',
      'presence-out',
      'tybalt@example.com',
      'allow',
    ],
    [
      [item('subscription', 'to', 'deny', 9, 'presence-in')],
      'in',
      'presence-in',
      'idol@example.org/x',
      'deny',
    ],
    [
      [item('subscription', 'to', 'deny', 9, 'presence-in')],
      'in',
      'presence-in',
      'friend@example.org/x',
      'allow',
    ],
    [[item(null, '', 'deny', 11, 'presence-in')], 'in', 'other', 'stranger@example.com', 'allow'],
    // §2.11 presence-out
    [
      [item('jid', 'tybalt@example.com', 'deny', 13, 'presence-out')],
      'out',
      'presence-out',
      'tybalt@example.com',
      'deny',
    ],
    [
      [item('jid', 'tybalt@example.com', 'deny', 13, 'presence-out')],
      'in',
      'presence-in',
      'tybalt@example.com',
      'allow',
    ],
    [
      [item('subscription', 'both', 'deny', 17, 'presence-out')],
      'out',
      'presence-out',
      'friend@example.org',
      'deny',
    ],
    // §2.12 iq
    [[item('jid', 'tybalt@example.com', 'deny', 29, 'iq')], 'in', 'iq', 'tybalt@example.com/pda', 'deny'],
    [[item('jid', 'tybalt@example.com', 'deny', 29, 'iq')], 'out', 'iq', 'tybalt@example.com/pda', 'allow'],
    // §2.13 everything
    [[item('jid', 'tybalt@example.com', 'deny', 23)], 'out', 'message', 'tybalt@example.com/pda', 'blocked'],
    [[item('jid', 'tybalt@example.com', 'deny', 23)], 'in', 'other', 'tybalt@example.com', 'blocked'],
    [[item('group', 'Enemies', 'deny', 13)], 'out', 'iq', 'former@example.org/x', 'deny'],
    [[item('subscription', 'none', 'deny', 11)], 'in', 'iq', 'stranger@example.com/x', 'deny'],
    [[item(null, '', 'deny', 7)], 'out', 'presence-out', 'anybody@example.com', 'deny'],
    // §2.1: what a JID value matches
    [[item('jid', 'example.com', 'deny', 1)], 'in', 'message', 'example.com', 'blocked'],
    [[item('jid', 'example.com', 'deny', 1)], 'in', 'message', 'example.com/x', 'blocked'],
    [[item('jid', 'example.com', 'deny', 1)], 'in', 'message', 'a@example.com/x', 'blocked'],
    [[item('jid', 'example.com', 'deny', 1)], 'in', 'message', 'a@sub.example.com/x', 'allow'],
    [[item('jid', 'a@example.com/x', 'deny', 1)], 'in', 'message', 'a@example.com/y', 'allow'],
    [[item('jid', 'a@example.com/x', 'deny', 1)], 'in', 'message', 'a@example.com', 'allow'],
    // §2.2 rules 5–7: by order, to the first match, else allowed
    [
      [item('jid', 'friend@example.org', 'allow', 1), item(null, '', 'deny', 2)],
      'in',
      'message',
      'friend@example.org/x',
      'allow',
    ],
    [
      [item(null, '', 'deny', 1), item('jid', 'friend@example.org', 'allow', 2)],
      'in',
      'message',
      'friend@example.org/x',
      'deny',
    ],
    [[], 'in', 'message', 'anybody@example.com', 'allow'],
  ];
  for (const [items, direction, kind, peer, expected] of table) {
    assert.equal(ask(items, direction, kind, peer), expected, JSON.stringify([items, direction, kind, peer]));
  }
});

/** XEP-0016 §2.1–2.2 read word by word, for comparison. */
function naive(
  items: RuleItem[],
  direction: 'in' | 'out',
  kind: RuleStanzaKind,
  peer: Jid,
): 'allow' | 'deny' {
  for (const rule of [...items].sort((a, b) => a.order - b.order)) {
    const wanted: string | null =
      direction === 'in' && (kind === 'message' || kind === 'iq' || kind === 'presence-in')
        ? kind
        : direction === 'out' && kind === 'presence-out'
          ? 'presence-out'
          : null;
    if (rule.kinds.length > 0 && !(wanted !== null && (rule.kinds as string[]).includes(wanted))) continue;
    const known = account.roster.items.get(peer.bare);
    const matches =
      rule.type === null ||
      (rule.type === 'group' && known?.groups.includes(rule.value) === true) ||
      (rule.type === 'subscription' && (known?.subscription ?? 'none') === rule.value) ||
      (rule.type === 'jid' &&
        [
          peer.full,
          peer.bare,
          peer.domain,
          peer.resource === '' ? '' : `${peer.domain}/${peer.resource}`,
        ].includes(rule.value));
    if (matches) return rule.allow ? 'allow' : 'deny';
  }
  return 'allow';
}

test('Random lists and stanzas: the compiled list says what a naive reading says', () => {
  let state = 20_261_121;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pick = <T>(values: readonly [T, ...T[]]): T => values[random(values.length)] ?? values[0];
  const jids = [
    'friend@example.org',
    'friend@example.org/x',
    'example.org',
    'example.org/x',
    'former@example.org',
    'stranger@example.com/y',
    'example.com',
  ] as const;
  const kinds = ['message', 'iq', 'presence-in', 'presence-out'] as const;
  for (let round = 0; round < 4000; round++) {
    const orders = new Set<number>();
    while (orders.size < 1 + random(8)) orders.add(random(40));
    const items = [...orders].map((order): RuleItem => {
      const type = pick(['jid', 'jid', 'group', 'subscription', null] as const);
      const value =
        type === 'jid'
          ? pick(jids)
          : type === 'group'
            ? pick(['Friends', 'Enemies', 'Nobody'] as const)
            : type === 'subscription'
              ? pick(['none', 'to', 'from', 'both'] as const)
              : '';
      return {
        type,
        value,
        allow: random(2) === 0,
        order,
        kinds: kinds.filter(() => random(4) === 0),
      };
    });
    const direction = pick(['in', 'out'] as const);
    const kind = pick(['message', 'iq', 'presence-in', 'presence-out', 'other'] as const);
    const peer = jid(pick([...jids, 'idol@example.org/z', 'fan@example.org'] as const));
    const compiled = new CompiledList(items).evaluate(direction, kind, peer, account);
    assert.equal(
      compiled === 'blocked' ? 'deny' : compiled,
      naive(items, direction, kind, peer),
      JSON.stringify({ items, direction, kind, peer: peer.full }),
    );
  }
});

test('what an item repeats of earlier ones costs nothing: thousands of them are not looked through for each contact', () => {
  let looked = 0;
  const items = Array.from({ length: 5_000 }, (_, order): RuleItem => {
    const type = (['subscription', 'group', 'jid', null] as const)[order % 4] ?? null;
    const value = { subscription: 'both', group: 'Friends', jid: 'idol@example.org', '': '' }[type ?? ''];
    return {
      type,
      value,
      allow: false,
      order,
      get kinds() {
        looked++;
        return ['iq' as const];
      },
    };
  });
  const list = new CompiledList(items);
  looked = 0;
  assert.equal(list.evaluate('out', 'presence-out', jid('idol@example.org'), account), 'allow');
  assert.equal(list.evaluate('in', 'iq', jid('idol@example.org'), account), 'deny');
  assert.ok(looked < 50, `${looked} looks`);
});
