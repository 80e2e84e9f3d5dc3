import type { RosterItem, Subscription } from '../roster/roster.js';

/** A contact's state as RFC 6121 Appendix A.1 names it; whether an item exists in the roster is told apart. */
export interface SubscriptionState {
  readonly subscription: Subscription;
  readonly pendingOut: boolean;
  readonly pendingIn: boolean;
  readonly approved: boolean;
}

export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed';

/** What the tables of Appendix A say for one stanza in one state. */
interface Transition {
  /** The new state; the same object when nothing changes. */
  readonly state: SubscriptionState;
  /** Route it on (outbound tables) or deliver it to the user (inbound tables). */
  readonly pass: boolean;
  /** What the server answers on behalf of the user. */
  readonly reply?: 'subscribed' | 'unsubscribed';
}

const noContact: SubscriptionState = {
  subscription: 'none',
  pendingOut: false,
  pendingIn: false,
  approved: false,
};

/** The state of a contact in a roster. */
export function stateOf(item: RosterItem | undefined, pendingIn: boolean): SubscriptionState {
  if (item === undefined) return pendingIn ? { ...noContact, pendingIn } : noContact;
  return { subscription: item.subscription, pendingOut: item.ask, pendingIn, approved: item.approved };
}

const withFrom: Record<Subscription, Subscription> = { none: 'from', to: 'both', from: 'from', both: 'both' };
const withoutFrom: Record<Subscription, Subscription> = { none: 'none', to: 'to', from: 'none', both: 'to' };
const withTo: Record<Subscription, Subscription> = { none: 'to', to: 'to', from: 'both', both: 'both' };
const withoutTo: Record<Subscription, Subscription> = {
  none: 'none',
  to: 'none',
  from: 'from',
  both: 'from',
};

const hasFrom = (state: SubscriptionState) => state.subscription === 'from' || state.subscription === 'both';
const hasTo = (state: SubscriptionState) => state.subscription === 'to' || state.subscription === 'both';

/** RFC 6121 Appendix A.2: what the user sends. */
export function outboundTransition(type: SubscriptionType, state: SubscriptionState): Transition {
  switch (type) {
    case 'subscribe': // table 2
      return { state: hasTo(state) || state.pendingOut ? state : { ...state, pendingOut: true }, pass: true };
    case 'unsubscribe': // table 3
      return {
        state:
          hasTo(state) || state.pendingOut
            ? { ...state, subscription: withoutTo[state.subscription], pendingOut: false }
            : state,
        pass: true,
      };
    case 'subscribed': // table 4, §3.4 for pre-approval
      if (state.pendingIn) {
        return {
          state: { ...state, subscription: withFrom[state.subscription], pendingIn: false },
          pass: true,
        };
      }
      if (hasFrom(state)) return { state, pass: false };
      return { state: state.approved ? state : { ...state, approved: true }, pass: false };
    case 'unsubscribed': // table 5
      if (hasFrom(state) || state.pendingIn) {
        return {
          state: {
            ...state,
            subscription: withoutFrom[state.subscription],
            pendingIn: false,
            approved: false,
          },
          pass: true,
        };
      }
      // §3.2.2 rule 2: cancels a pre-approval without a word to the contact
      return { state: state.approved ? { ...state, approved: false } : state, pass: false };
  }
}

/** RFC 6121 Appendix A.3: what arrives from the contact. */
export function inboundTransition(type: SubscriptionType, state: SubscriptionState): Transition {
  switch (type) {
    case 'subscribe': // table 6
      if (hasFrom(state)) return { state, pass: false, reply: 'subscribed' };
      if (state.pendingIn) return { state, pass: false };
      if (state.approved) {
        // note [1] and §3.4: pre-approved; the approval is used up
        return {
          state: { ...state, subscription: withFrom[state.subscription], approved: false },
          pass: false,
          reply: 'subscribed',
        };
      }
      return { state: { ...state, pendingIn: true }, pass: true };
    case 'unsubscribe': // table 7
      if (!hasFrom(state) && !state.pendingIn) return { state, pass: false };
      return {
        state: { ...state, subscription: withoutFrom[state.subscription], pendingIn: false },
        pass: true,
        reply: 'unsubscribed',
      };
    case 'subscribed': // table 8
      if (!state.pendingOut) return { state, pass: false };
      return { state: { ...state, subscription: withTo[state.subscription], pendingOut: false }, pass: true };
    case 'unsubscribed': // table 9
      if (!state.pendingOut && !hasTo(state)) return { state, pass: false };
      return {
        state: { ...state, subscription: withoutTo[state.subscription], pendingOut: false },
        pass: true,
      };
  }
}
