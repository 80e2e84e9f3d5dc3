import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  inboundTransition,
  outboundTransition,
  type SubscriptionState,
  type SubscriptionType,
} from '../../../core-server/presence/subscription-states.js';

// The nine states of RFC 6121 §A.1.
const states = {
  None: ['none', false, false],
  'None + Pending Out': ['none', true, false],
  'None + Pending In': ['none', false, true],
  'None + Pending Out+In': ['none', true, true],
  To: ['to', false, false],
  'To + Pending In': ['to', false, true],
  From: ['from', false, false],
  'From + Pending Out': ['from', true, false],
  Both: ['both', false, false],
} as const;
type Name = keyof typeof states;

function stateNamed(name: Name, approved = false): SubscriptionState {
  const [subscription, pendingOut, pendingIn] = states[name];
  return { subscription, pendingOut, pendingIn, approved };
}
function nameOf(state: SubscriptionState): string {
  const found = Object.entries(states).find(
    ([, [subscription, pendingOut, pendingIn]]) =>
      subscription === state.subscription && pendingOut === state.pendingOut && pendingIn === state.pendingIn,
  );
  return `${found?.[0] ?? 'a state that does not exist'}${state.approved ? ' approved' : ''}`;
}

/** Existing state → [passed on, new state, automatic reply]. `=`: no state change. */
type Table = Readonly<Record<Name, readonly [pass: boolean, next: string, reply?: string]>>;

const outbound: Readonly<Record<SubscriptionType, Table>> = {
  // Table 2
  subscribe: {
    None: [true, 'None + Pending Out'],
    'None + Pending Out': [true, '='],
    'None + Pending In': [true, 'None + Pending Out+In'],
    'None + Pending Out+In': [true, '='],
    To: [true, '='],
    'To + Pending In': [true, '='],
    From: [true, 'From + Pending Out'],
    'From + Pending Out': [true, '='],
    Both: [true, '='],
  },
  // Table 3
  unsubscribe: {
    None: [true, '='],
    'None + Pending Out': [true, 'None'],
    'None + Pending In': [true, '='],
    'None + Pending Out+In': [true, 'None + Pending In'],
    To: [true, 'None'],
    'To + Pending In': [true, 'None + Pending In'],
    From: [true, '='],
    'From + Pending Out': [true, 'From'],
    Both: [true, 'From'],
  },
  // Table 4, with §3.4.2 for note 1
  subscribed: {
    None: [false, 'None approved'],
    'None + Pending Out': [false, 'None + Pending Out approved'],
    'None + Pending In': [true, 'From'],
    'None + Pending Out+In': [true, 'From + Pending Out'],
    To: [false, 'To approved'],
    'To + Pending In': [true, 'Both'],
    From: [false, '='],
    'From + Pending Out': [false, '='],
    Both: [false, '='],
  },
  // Table 5
  unsubscribed: {
    None: [false, '='],
    'None + Pending Out': [false, '='],
    'None + Pending In': [true, 'None'],
    'None + Pending Out+In': [true, 'None + Pending Out'],
    To: [false, '='],
    'To + Pending In': [true, 'To'],
    From: [true, 'None'],
    'From + Pending Out': [true, 'None + Pending Out'],
    Both: [true, 'To'],
  },
};

const inbound: Readonly<Record<SubscriptionType, Table>> = {
  // Table 6
  subscribe: {
    None: [true, 'None + Pending In'],
    'None + Pending Out': [true, 'None + Pending Out+In'],
    'None + Pending In': [false, '='],
    'None + Pending Out+In': [false, '='],
    To: [true, 'To + Pending In'],
    'To + Pending In': [false, '='],
    From: [false, '=', 'subscribed'],
    'From + Pending Out': [false, '=', 'subscribed'],
    Both: [false, '=', 'subscribed'],
  },
  // Table 7
  unsubscribe: {
    None: [false, '='],
    'None + Pending Out': [false, '='],
    'None + Pending In': [true, 'None', 'unsubscribed'],
    'None + Pending Out+In': [true, 'None + Pending Out', 'unsubscribed'],
    To: [false, '='],
    'To + Pending In': [true, 'To', 'unsubscribed'],
    From: [true, 'None', 'unsubscribed'],
    'From + Pending Out': [true, 'None + Pending Out', 'unsubscribed'],
    Both: [true, 'To', 'unsubscribed'],
  },
  // Table 8
  subscribed: {
    None: [false, '='],
    'None + Pending Out': [true, 'To'],
    'None + Pending In': [false, '='],
    'None + Pending Out+In': [true, 'To + Pending In'],
    To: [false, '='],
    'To + Pending In': [false, '='],
    From: [false, '='],
    'From + Pending Out': [true, 'Both'],
    Both: [false, '='],
  },
  // Table 9
  unsubscribed: {
    None: [false, '='],
    'None + Pending Out': [true, 'None'],
    'None + Pending In': [false, '='],
    'None + Pending Out+In': [true, 'None + Pending In'],
    To: [true, 'None'],
    'To + Pending In': [true, 'None + Pending In'],
    From: [false, '='],
    'From + Pending Out': [true, 'From'],
    Both: [true, 'From'],
  },
};

for (const [direction, tables, transition] of [
  ['outbound', outbound, outboundTransition],
  ['inbound', inbound, inboundTransition],
] as const) {
  for (const [type, table] of Object.entries(tables) as [SubscriptionType, Table][]) {
    describe(`RFC 6121 Appendix A: ${direction} ${type}`, () => {
      for (const [name, [pass, next, reply]] of Object.entries(table) as [Name, Table[Name]][]) {
        test(name, () => {
          const before = stateNamed(name);
          const result = transition(type, before);
          assert.equal(result.pass, pass, 'passed on');
          assert.equal(result.reply, reply, 'automatic reply');
          assert.equal(nameOf(result.state), next === '=' ? name : next);
          if (next === '=') assert.equal(result.state, before, 'no change is no new state');
        });
      }
    });
  }
}

describe('RFC 6121 §3.4: pre-approval', () => {
  for (const name of ['None', 'None + Pending Out', 'To'] as const) {
    test(`a request in "${name}" is approved at once and not shown; the approval is used up`, () => {
      const { state, pass, reply } = inboundTransition('subscribe', stateNamed(name, true));
      assert.deepEqual([pass, reply], [false, 'subscribed']);
      const next = { None: 'From', 'None + Pending Out': 'From + Pending Out', To: 'Both' }[name];
      assert.equal(nameOf(state), next);
    });
    test(`§3.2.2 rule 2: "unsubscribed" in "${name}" takes the approval back, silently`, () => {
      const { state, pass } = outboundTransition('unsubscribed', stateNamed(name, true));
      assert.deepEqual([pass, nameOf(state)], [false, name]);
    });
    test(`approving twice in "${name}" changes nothing`, () => {
      const before = stateNamed(name, true);
      assert.equal(outboundTransition('subscribed', before).state, before);
    });
  }
});
