import { z } from 'zod';
import { stanzaErrorOf } from '../../shared/entity/failure.js';
import { faultPoint } from '../../shared/faults.js';
import type { KeyValueCollection, Storage, Versioned } from '../../shared/storage/storage.js';
import { isBadDocument } from '../../shared/storage/walk.js';
import { type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { ComponentDomain } from '../component-link/component-domain.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import { resultOf } from '../iq/iq-registry.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { AccountRules } from './account-rules.js';
import { PresenceChanges } from './presence-changes.js';
import { readRules } from './read-rules.js';
import { hasList, type RuleDocument, ruleDocument } from './rule-document.js';

/** The versions of `docs/protocols/privacy-enforcement.md` that this core speaks. */
const VERSION = 1;
const STATE_PAGE = 500;

/** The core's side of the privacy enforcement protocol: rules stored here, enforced here, decided by the component. */
export const privacyEnforcement = defineFeature({
  name: 'privacy enforcement',
  xeps: [
    { id: '0016', version: '1.7', status: 'complete', note: 'with the privacy component' },
    { id: '0191', version: '1.3', status: 'complete', note: 'with the privacy component' },
  ],
  setup(core) {
    const enforcement = new Enforcement(core);
    core.directory.part((account) => enforcement.load(account));
    core.components.onStanza(NS.privacyEnforcement, (stanza, domain) => enforcement.receive(stanza, domain));
    core.disco.contribute((scope, query, info) => {
      if (
        scope === 'server' &&
        core.components.domains.get(query.from.domain)?.grants.privacyEnforcement === true
      ) {
        info.features.push(NS.privacyEnforcement);
      }
    });
    core.hooks.clientInbound.add(5, (session, stanza) => enforcement.note(session, stanza));
    core.hooks.accountRemoved.on((account) => enforcement.erase(account));
  },
});

const MARKS = { name: 'privacy-marks', schema: z.object({ at: z.number() }), schemaVersion: 1 };

/** Whether no privacy component has ever synchronised with this store. */
export async function rulesAreEmpty(storage: Storage): Promise<boolean> {
  return (await storage.keyval(MARKS).get('synchronised')) === undefined;
}

/** Which sessions want which pushes; asked for by the component when it changes something. */
interface Interest {
  blocklist: boolean;
}

class Enforcement {
  readonly #core: Core;
  readonly #collection: KeyValueCollection<RuleDocument>;
  readonly #marks: KeyValueCollection<{ at: number }>;
  readonly #interest = new WeakMap<Session, Interest>();
  readonly #presence: PresenceChanges;
  /** By domain, its accounts with rules as they were when the first page of states was asked for, until the last one was. */
  readonly #listings = new Map<string, readonly string[]>();

  constructor(core: Core) {
    this.#core = core;
    this.#collection = core.storage.keyval({ name: 'privacy-rules', schema: ruleDocument, schemaVersion: 1 });
    this.#marks = core.storage.keyval(MARKS);
    this.#presence = new PresenceChanges(core);
  }

  /** The directory's loader. */
  load(account: AccountState): Promise<void> | undefined {
    const known = this.#collection.getSync(account.bare);
    if (known !== 'async') {
      account.rules = known === undefined ? null : new AccountRules(known.value);
      return undefined;
    }
    return this.#collection.get(account.bare).then((found) => {
      account.rules = found === undefined ? null : new AccountRules(found.value);
    });
  }

  erase(account: BareJid): void {
    this.#collection.delete(account).catch((error: unknown) => {
      this.#core.log.error({ code: 'storage.rules-unwritable', error }, 'rules could not be removed');
    });
  }

  /** XEP-0191 §3.2: a resource that asked for the block list gets its pushes. */
  note(session: Session, stanza: Stanza): undefined {
    const payload = stanza.name === 'iq' && stanza.type === 'get' ? stanza.payload : null;
    if (payload?.namespace === NS.blocking && payload.name === 'blocklist') {
      this.#interest.set(session, { blocklist: true });
    }
    return undefined;
  }

  receive(stanza: Stanza, domain: ComponentDomain): boolean {
    const to = stanza.toJid;
    if (stanza.name !== 'iq' || !to || to.local !== '' || !this.#core.hosts(to.domain)) return false;
    if (!domain.grants.privacyEnforcement) {
      // anyone else is told that there is no such thing (docs/protocols/privacy-enforcement.md)
      this.#core.router.bounce(stanza, new StanzaError('service-unavailable'));
      return true;
    }
    if (stanza.type !== 'get' && stanza.type !== 'set') return true;
    this.#carryOut(stanza).then(
      (payload) => this.#core.router.reply(resultOf(stanza, payload)),
      (error: unknown) => {
        if (!(error instanceof StanzaError)) {
          this.#core.log.error({ code: 'privacy.enforcement-failed', error }, 'rules could not be changed');
        }
        this.#core.router.bounce(stanza, stanzaErrorOf(error));
      },
    );
    return true;
  }

  async #carryOut(stanza: Stanza): Promise<Element | undefined> {
    const request = stanza.element.getChildElements()[0];
    if (request === undefined) throw new StanzaError('bad-request');
    switch (request.getName()) {
      case 'hello':
        return this.#hello(request);
      case 'states':
        return this.#states(request, stanza.toJid?.domain ?? '');
      case 'synchronised':
        return this.#synchronised();
      case 'rules':
        return this.#rules(request);
      case 'active':
        return this.#active(request);
      case 'status':
        return this.#status(request);
      default:
        throw new StanzaError('feature-not-implemented');
    }
  }

  /** Both sides say what they speak; one of them refuses what it does not know. */
  #hello(request: Element): Element {
    const min = Number(request.attrs['min'] ?? 1);
    const max = Number(request.attrs['max'] ?? 1);
    if (!(min <= VERSION && VERSION <= max)) {
      throw new StanzaError('not-acceptable', { text: `this core speaks version ${VERSION}` });
    }
    return xml('hello', { xmlns: NS.privacyEnforcement, min: String(VERSION), max: String(VERSION) });
  }

  /** Where every account of a domain stands, page by page, for the comparison after a reconnect. */
  async #states(request: Element, domain: string): Promise<Element> {
    const after = request.attrs['after'] ?? '';
    // the component compares its domains side by side: nothing is shared between their pages
    let listing = after === '' ? undefined : this.#listings.get(domain);
    listing ??= await this.#owners(domain);
    const begin = after === '' ? 0 : listing.indexOf(after) + 1;
    const page = listing.slice(begin, begin + STATE_PAGE);
    const more = begin + page.length < listing.length;
    if (more) this.#listings.set(domain, listing);
    else this.#listings.delete(domain);
    const states: Element[] = [];
    for (const owner of page) {
      const found = await this.#readable(owner);
      if (found === undefined) continue;
      const { epoch, sequence } = found.value;
      states.push(xml('state', { account: owner, epoch, sequence: String(sequence) }));
    }
    return xml('states', { xmlns: NS.privacyEnforcement, ...(more ? { more: 'true' } : {}) }, ...states);
  }

  async #owners(domain: string): Promise<string[]> {
    const owners: string[] = [];
    for await (const owner of this.#collection.owners()) {
      if (owner.endsWith(`@${domain}`)) owners.push(owner);
    }
    return owners;
  }

  /** Rules that cannot be read: their account cannot log in, all others agree about theirs. */
  async #readable(account: string): Promise<Versioned<RuleDocument> | undefined> {
    try {
      return await this.#collection.get(account);
    } catch (error) {
      if (!isBadDocument(error)) throw error;
      this.#core.log.error({ code: 'storage.rules-unreadable', account, error }, 'rules could not be read');
      return undefined;
    }
  }

  /** The component has compared every account and sent what was missing: from now on the rules here can be trusted. */
  async #synchronised(): Promise<undefined> {
    await this.#marks.put('synchronised', { at: Date.now() });
    this.#core.privacyGate.open();
    return undefined;
  }

  /** The full set of one account: conflicts decided and rules stored in one step; durable before the answer. */
  async #rules(request: Element): Promise<Element> {
    const document = readRules(request);
    const account = await this.#account(request);
    const session = sessionOf(account, request);
    const current = account.rules instanceof AccountRules ? account.rules : null;
    const expected = Number(request.attrs['expect'] ?? Number.NaN);
    const stands = current?.document;
    const sameLine =
      stands === undefined ? expected === 0 : stands.epoch === document.epoch && stands.sequence === expected;
    // a restored backup begins a new epoch and re-sends everything
    const newEpoch =
      stands !== undefined && stands.epoch !== document.epoch && request.attrs['restore'] === 'true';
    if (!sameLine && !newEpoch) {
      throw new StanzaError('conflict', {
        application: xml('out-of-step', {
          xmlns: NS.privacyEnforcement,
          ...(stands === undefined ? {} : { epoch: stands.epoch, sequence: String(stands.sequence) }),
        }),
      });
    }
    if (current !== null && request.attrs['force'] !== 'true')
      this.#checkInUse(account, current, document, session);
    const rules = current ?? new AccountRules(document);
    const previous = rules.document;
    const dropped = new Map<Session, string>();
    rules.replace(document);
    account.rules = rules;
    for (const other of account.sessions) {
      const active = rules.activeOf(other);
      if (active === null || hasList(document, active)) continue;
      dropped.set(other, active);
      rules.setActive(other, null);
    }
    faultPoint('privacy.core-before-store');
    try {
      await this.#collection.put(account.bare, document);
    } catch (error) {
      // what was not stored is not in force either
      if (current === null) account.rules = null;
      else rules.replace(previous);
      for (const [other, active] of dropped) rules.setActive(other, active);
      throw error;
    }
    faultPoint('privacy.core-after-store');
    this.#presence.settle(account);
    return this.#stored(account);
  }

  /** XEP-0016 §2.2 rule 11: not while another connected resource uses it. */
  #checkInUse(account: AccountState, rules: AccountRules, next: RuleDocument, acting: Session | null): void {
    const { document } = rules;
    for (const session of account.sessions) {
      if (session === acting) continue;
      const active = rules.activeOf(session);
      if (active !== null) {
        if (!hasList(next, active)) throw inUse();
      } else if (document.default !== null && next.default !== document.default) throw inUse();
    }
  }

  /** Sets or declines the active list of one session. */
  async #active(request: Element): Promise<Element> {
    const account = await this.#account(request);
    const session = sessionOf(account, request);
    if (session === null) throw new StanzaError('item-not-found');
    const name = request.attrs['name'] ?? null;
    const rules = account.rules instanceof AccountRules ? account.rules : null;
    if (name !== null && (rules === null || !hasList(rules.document, name))) {
      throw new StanzaError('item-not-found');
    }
    rules?.setActive(session, name);
    if (rules !== null) this.#presence.settle(account);
    return this.#stored(account);
  }

  /** Which list a session has made active, and who is connected. */
  async #status(request: Element): Promise<Element> {
    return this.#stored(await this.#account(request));
  }

  #stored(account: AccountState): Element {
    const rules = account.rules instanceof AccountRules ? account.rules : null;
    return xml(
      'stored',
      {
        xmlns: NS.privacyEnforcement,
        account: account.bare,
        ...(rules === null ? {} : { epoch: rules.document.epoch, sequence: String(rules.document.sequence) }),
      },
      ...account.sessions.map((session) => {
        const active = rules?.activeOf(session) ?? null;
        return xml('session', {
          jid: session.jid.full,
          ...(active === null ? {} : { active }),
          ...(this.#interest.get(session)?.blocklist === true ? { blocklist: 'true' } : {}),
        });
      }),
    );
  }

  #account(request: Element): Promise<AccountState> {
    const address: Jid | null = parseJid(request.attrs['account'] ?? '');
    if (address === null || !this.#core.hosts(address.domain)) throw unknownAccount();
    return new Promise((resolve, reject) => {
      this.#core.directory.with(
        address,
        (account) => (account.exists ? resolve(account) : reject(unknownAccount())),
        reject,
      );
    });
  }
}

function inUse(): StanzaError {
  return new StanzaError('conflict', { application: xml('in-use', { xmlns: NS.privacyEnforcement }) });
}

function unknownAccount(): StanzaError {
  return new StanzaError('item-not-found', {
    application: xml('unknown-account', { xmlns: NS.privacyEnforcement }),
  });
}

/** The session that acts, where the request names one. */
function sessionOf(account: AccountState, request: Element): Session | null {
  const address = parseJid(request.attrs['session'] ?? '');
  return address === null ? null : (account.session(address.resource) ?? null);
}
