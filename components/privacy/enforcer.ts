import type { Component } from '../../shared/component/component.js';
import { children, type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Lists } from './lists.js';
import type { ServerAgreements } from './server-agreements.js';

/** A connected resource, as the core knows it. */
export interface ConnectedResource {
  readonly jid: string;
  /** Name of the list it has made active. */
  readonly active: string | null;
  /** It has asked for the block list (XEP-0191 §3.2). */
  readonly blocklist: boolean;
}

/** The set that an account is to have in force. */
interface RuleSet {
  readonly account: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly lists: Lists;
  /** Which set the core is expected to have; 0 = none. */
  readonly expect: number;
  /** The session on whose behalf, for conflicts. */
  readonly session: string | null;
  /** No conflicts: block and unblock (XEP-0191 §5), and catching up. */
  readonly force: boolean;
  /** The core may have a set of another epoch: a store made anew. */
  readonly restore: boolean;
}

interface AccountStanding {
  readonly epoch: string;
  readonly sequence: number;
}

/** This component's side of the privacy enforcement protocol (docs/protocols/privacy-enforcement.md). */
export interface Enforcer {
  /** Where every account of a domain stands. */
  standings(domain: string): Promise<Map<string, AccountStanding>>;
  /** Tells the core that every account of all its domains has been compared: log-ins may have waited for that. */
  synchronised(domain: string): Promise<void>;
  /** Which set the core has in force for one account; null = none. */
  standingOf(account: string): Promise<AccountStanding | null>;
  /** Resolves with who is connected when the core has the set in force, durably. */
  store(rules: RuleSet): Promise<readonly ConnectedResource[]>;
  setActive(account: string, session: string, name: string | null): Promise<void>;
  resources(account: string): Promise<ConnectedResource[]>;
}

const TIMEOUT_MILLISECONDS = 10_000;
/** A larger request would end the component's stream (the core's `LIMIT_STANZA_BYTES_COMPONENT` is 1 MiB). */
const MAX_SET_BYTES = 768 * 1024;

/**
 * An {@link Enforcer} that asks the core of each account's domain. On a server without the protocol, where the operator
 * allows it, lists are kept and nothing is blocked; active lists, which only the server can know of, are refused.
 */
export class CoreEnforcer implements Enforcer {
  readonly #component: Component;
  readonly #agreements: ServerAgreements;

  constructor(component: Component, agreements: ServerAgreements) {
    this.#component = component;
    this.#agreements = agreements;
  }

  async standings(domain: string): Promise<Map<string, AccountStanding>> {
    const found = new Map<string, AccountStanding>();
    let after = '';
    for (;;) {
      const answer = await this.#ask('get', domain, xml('states', { xmlns: NS.privacyEnforcement, after }));
      const states = answer?.getChildren('state') ?? [];
      for (const state of states) {
        after = state.attrs['account'] ?? after;
        if (domainOf(after) !== domain) continue;
        found.set(after, { epoch: state.attrs['epoch'] ?? '', sequence: Number(state.attrs['sequence']) });
      }
      if (answer?.attrs['more'] !== 'true' || states.length === 0) return found;
    }
  }

  async synchronised(domain: string): Promise<void> {
    await this.#ask('set', domain, xml('synchronised', { xmlns: NS.privacyEnforcement }));
  }

  async standingOf(account: string): Promise<AccountStanding | null> {
    const stored = await this.#about(
      account,
      'get',
      xml('status', { xmlns: NS.privacyEnforcement, account }),
    );
    const { epoch, sequence } = stored?.attrs ?? {};
    return epoch === undefined ? null : { epoch, sequence: Number(sequence) };
  }

  async store(rules: RuleSet): Promise<readonly ConnectedResource[]> {
    const { lists } = rules;
    const request = xml(
      'rules',
      {
        xmlns: NS.privacyEnforcement,
        account: rules.account,
        epoch: rules.epoch,
        sequence: String(rules.sequence),
        expect: String(rules.expect),
        ...(lists.default === null ? {} : { default: lists.default }),
        ...(rules.session === null ? {} : { session: rules.session }),
        ...(rules.force ? { force: 'true' } : {}),
        ...(rules.restore ? { restore: 'true' } : {}),
      },
      ...lists.lists.map((list) =>
        xml(
          'list',
          { name: list.name },
          ...list.items.map((item) =>
            xml(
              'item',
              {
                ...(item.type === null ? {} : { type: item.type, value: item.value }),
                action: item.action,
                order: String(item.order),
              },
              ...item.kinds.map((kind) => xml(kind)),
            ),
          ),
        ),
      ),
    );
    if (Buffer.byteLength(writeElement(request)) > MAX_SET_BYTES) {
      throw new StanzaError('resource-constraint', { text: 'the lists are too large together' });
    }
    return resourcesIn(await this.#about(rules.account, 'set', request));
  }

  async setActive(account: string, session: string, name: string | null): Promise<void> {
    if (!(await this.#agreements.enforces(domainOf(account)))) {
      throw new StanzaError('feature-not-implemented');
    }
    const request = xml('active', {
      xmlns: NS.privacyEnforcement,
      account,
      session,
      ...(name === null ? {} : { name }),
    });
    await this.#about(account, 'set', request);
  }

  async resources(account: string): Promise<ConnectedResource[]> {
    const status = xml('status', { xmlns: NS.privacyEnforcement, account });
    return resourcesIn(await this.#about(account, 'get', status));
  }

  /** Asks the account's core, once it is known what that speaks; nothing where lists are served without enforcement. */
  async #about(account: string, type: 'get' | 'set', payload: Element): Promise<Element | undefined> {
    const domain = domainOf(account);
    return (await this.#agreements.enforces(domain)) ? this.#ask(type, domain, payload) : undefined;
  }

  async #ask(type: 'get' | 'set', domain: string, payload: Element): Promise<Element | undefined> {
    const iq = xml('iq', { type, from: this.#component.domain, to: domain }, payload);
    const answer: Stanza = await this.#component.request(iq, { timeoutMilliseconds: TIMEOUT_MILLISECONDS });
    return answer.element.getChildElements()[0];
  }
}

/** Whether an error says that the core's set is not the one we believed. */
export function isOutOfStep(error: unknown): error is StanzaError {
  return error instanceof StanzaError && error.application?.getName() === 'out-of-step';
}

/** Whether an error says that the core knows no such account. */
export function isUnknownAccount(error: unknown): error is StanzaError {
  return error instanceof StanzaError && error.application?.getName() === 'unknown-account';
}

function resourcesIn(stored: Element | undefined): ConnectedResource[] {
  if (stored === undefined) return [];
  return children(stored, 'session', NS.privacyEnforcement).map((session) => ({
    jid: session.attrs['jid'] ?? '',
    active: session.attrs['active'] ?? null,
    blocklist: session.attrs['blocklist'] === 'true',
  }));
}

function domainOf(account: string): string {
  return account.slice(account.indexOf('@') + 1);
}
