import { stanzaErrorOf } from '../../shared/entity/failure.js';
import { child, clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { blockedError } from '../privacy/blocked-error.js';
import { verdictOf } from '../privacy/verdict.js';
import { itemElement } from '../roster/roster-service.js';
import { componentOrigin, localOrigin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import { covers } from './grants.js';

/** The namespace that one component domain is told its privileges in. */
function privilegeNamespace(domain: ComponentDomain): string {
  return domain.generation === 1 ? NS.privilege1 : NS.privilege2;
}

/** Privileged entities (XEP-0356): rosters, messages and IQs on behalf of accounts. Presence: `presence-feed.ts`. */
export class Privilege {
  readonly #core: Core;
  readonly #registry: ComponentRegistry;
  #sequence = 0;

  constructor(core: Core, registry: ComponentRegistry) {
    this.#core = core;
    this.#registry = registry;
    for (const namespace of [NS.privilege1, NS.privilege2]) {
      registry.onStanza(namespace, (stanza, domain) => this.#privileged(stanza, domain, namespace));
    }
    registry.onStanza(NS.roster, (stanza, domain) => this.#roster(stanza, domain));
    core.hooks.rosterChanged.on((account, contact, removed) => this.#push(account, contact, removed));
  }

  /** §"Server Advertises Entity Of Allowed Permission". */
  advertise(domain: ComponentDomain, send: (text: string) => void): void {
    const { roster, rosterPush, message, presence, iq } = domain.grants;
    const permissions: Element[] = [];
    if (roster !== 'none') {
      permissions.push(xml('perm', { access: 'roster', type: roster, push: String(rosterPush) }));
    }
    if (message) permissions.push(xml('perm', { access: 'message', type: 'outgoing' }));
    if (iq.size > 0 && domain.generation === 2) {
      permissions.push(
        xml('perm', { access: 'iq' }, ...[...iq].map(([ns, type]) => xml('namespace', { ns, type }))),
      );
    }
    if (presence !== 'none') permissions.push(xml('perm', { access: 'presence', type: presence }));
    if (permissions.length === 0) return;
    for (const host of this.#core.domains) {
      this.#sequence++;
      send(
        Stanza.fromElement(
          xml(
            'message',
            { from: host, to: domain.name, id: `privilege${this.#sequence}` },
            xml('privilege', { xmlns: privilegeNamespace(domain) }, ...permissions.map(clone)),
          ),
        ).text,
      );
    }
  }

  #privileged(stanza: Stanza, domain: ComponentDomain, namespace: string): boolean {
    const to = stanza.toJid;
    if (!to || namespace !== privilegeNamespace(domain)) return false;
    const ours = this.#core.hosts(to.domain);
    if (ours && stanza.name === 'message' && to.local === '') {
      this.#message(stanza, domain, namespace);
      return true;
    }
    if (stanza.name === 'iq' && stanza.payload?.name === 'privileged_iq') {
      // §6.2: nobody elsewhere is managed here
      if (ours) this.#iq(stanza, domain, namespace);
      else this.#refuse(stanza);
      return true;
    }
    return false;
  }

  /** §"Sending Messages": only in the name of a bare JID of ours or of the server. */
  #message(stanza: Stanza, domain: ComponentDomain, namespace: string): void {
    const privilege = child(stanza.element, 'privilege', namespace);
    const forwarded = privilege && child(privilege, 'forwarded', NS.forward);
    const inner = forwarded && child(forwarded, 'message', NS.client);
    const from = inner?.attrs['from'] === undefined ? null : parseJid(inner.attrs['from']);
    const allowed =
      domain.grants.message && inner !== undefined && from?.isBare === true && this.#core.hosts(from.domain);
    if (!allowed || inner === undefined || from === null) return this.#refuse(stanza);
    const copy = clone(inner);
    delete copy.attrs['xmlns'];
    // RFC 7622 §4: in the mapped form, however the component wrote it
    copy.attrs['from'] = from.full;
    const message = Stanza.fromElement(copy);
    if (!message.toJid) return this.#core.router.bounce(stanza, new StanzaError('jid-malformed'));
    if (from.local === '') {
      this.#core.router.route(message, localOrigin);
      return;
    }
    // field notes 3.4: as if the user had sent it, so carbons and archives see it
    this.#core.directory.with(
      from,
      (account) => {
        if (!account.exists) return this.#refuse(stanza);
        // the account's own rules, as for what its clients send; no list of one session speaks for the account
        let verdict = verdictOf(account, null, 'out', 'message', message.toJid);
        // XEP-0016 §2.1, footnote: notifications are like presence
        if (verdict === 'allow' && message.hasChild('event', NS.pubsubEvent)) {
          verdict = verdictOf(account, null, 'out', 'presence-out', message.toJid);
        }
        if (verdict !== 'allow') {
          if (message.type !== 'headline') this.#core.router.bounce(stanza, blockedError(verdict));
          return;
        }
        if (this.#core.hooks.accountOutbound.run(account, message)) return;
        this.#core.router.route(message, componentOrigin);
      },
      () => this.#core.router.bounce(stanza, new StanzaError('internal-server-error', { type: 'wait' })),
    );
  }

  /** §"Sending IQ Stanzas". */
  #iq(stanza: Stanza, domain: ComponentDomain, namespace: string): void {
    const to = stanza.toJid;
    const wrapper = child(stanza.element, 'privileged_iq', namespace);
    const inner = wrapper && child(wrapper, 'iq', NS.client);
    const payload = inner?.getChildElements()[0];
    const type = stanza.type;
    const innerFrom = inner?.attrs['from'];
    const allowed =
      to?.isBare === true &&
      to.local !== '' &&
      (type === 'get' || type === 'set') &&
      inner !== undefined &&
      // one that names another content namespace is not meant for a client's stream
      (inner.attrs['xmlns'] ?? NS.client) === NS.client &&
      inner.attrs['type'] === type &&
      payload !== undefined &&
      covers(domain.grants.iq.get(payload.getNS() ?? ''), type) &&
      (innerFrom === undefined || parseJid(innerFrom)?.full === to.full);
    if (!allowed || inner === undefined || !to) return this.#refuse(stanza);
    const copy = clone(inner);
    delete copy.attrs['xmlns'];
    copy.attrs['from'] = to.bare;
    copy.attrs['to'] ??= to.bare;
    const receiver = parseJid(copy.attrs['to']);
    this.#core.directory.with(
      to,
      (account) => {
        // §"Sending IQ Stanzas": only for entities that there are
        if (!account.exists) return this.#refuse(stanza);
        const verdict = verdictOf(account, null, 'out', 'iq', receiver);
        if (verdict !== 'allow') return this.#core.router.bounce(stanza, blockedError(verdict));
        this.#exchange(stanza, copy, to, namespace, domain);
      },
      () => this.#core.router.bounce(stanza, new StanzaError('internal-server-error', { type: 'wait' })),
    );
  }

  /** Sends the IQ as the account, and its answer back to the component. */
  #exchange(stanza: Stanza, copy: Element, to: Jid, namespace: string, domain: ComponentDomain): void {
    const originalId = copy.attrs['id'] ?? '';
    // our own id, so that two components cannot take each other's answers
    copy.attrs['id'] = this.#core.requests.nextId();
    this.#core.requests.exchange(copy).then(
      (answer) => {
        const forwarded = clone(answer.element);
        forwarded.attrs['id'] = originalId;
        forwarded.attrs['xmlns'] = NS.client;
        this.#core.router.reply(
          Stanza.fromElement(
            xml(
              'iq',
              { type: 'result', id: stanza.id ?? '', from: to.bare, to: stanza.from ?? domain.name },
              xml('privilege', { xmlns: namespace }, xml('forwarded', { xmlns: NS.forward }, forwarded)),
            ),
          ),
        );
      },
      (error: unknown) => this.#core.router.bounce(stanza, stanzaErrorOf(error)),
    );
  }

  /** §"Privileged Entity Manage Roster": an ordinary roster IQ to an account. */
  #roster(stanza: Stanza, domain: ComponentDomain): boolean {
    const to = stanza.toJid;
    const type = stanza.type;
    if (stanza.name !== 'iq' || !to || to.local === '' || !this.#core.hosts(to.domain)) return false;
    // the answer to a roster push
    if (type !== 'get' && type !== 'set') return true;
    if (!to.isBare || !covers(domain.grants.roster, type)) {
      this.#refuse(stanza);
      return true;
    }
    this.#core.directory.with(
      to,
      (account) => {
        if (!account.exists) return this.#core.router.bounce(stanza, new StanzaError('item-not-found'));
        if (type === 'get') return this.#rosterGet(stanza, account);
        this.#core.rosterEditor.set(account, stanza).then(
          () => this.#reply(stanza),
          (error: unknown) => this.#core.router.bounce(stanza, stanzaErrorOf(error)),
        );
      },
      () => this.#core.router.bounce(stanza, new StanzaError('internal-server-error', { type: 'wait' })),
    );
    return true;
  }

  #rosterGet(stanza: Stanza, account: AccountState): void {
    this.#reply(
      stanza,
      xml(
        'query',
        { xmlns: NS.roster, ver: this.#core.roster.versionOf(account) },
        ...[...account.roster.items.values()].map(itemElement),
      ),
    );
  }

  /** §"Server Sends Roster Pushes". */
  #push(account: AccountState, contact: BareJid, removed: boolean): void {
    for (const domain of this.#registry.domains.values()) {
      if (!domain.grants.rosterPush || !domain.connected) continue;
      const item = account.roster.items.get(contact);
      if (!removed && item === undefined) continue;
      this.#sequence++;
      const push = Stanza.fromElement(
        xml(
          'iq',
          { type: 'set', id: `rosterpush${this.#sequence}`, from: account.bare, to: domain.name },
          xml(
            'query',
            { xmlns: NS.roster, ver: this.#core.roster.versionOf(account) },
            removed || item === undefined
              ? xml('item', { jid: contact, subscription: 'remove' })
              : itemElement(item),
          ),
        ),
      );
      // by the roster's owner where processes share the domain (docs/protocols/shared-domain.md)
      domain.deliverFor(push, localOrigin, account.bare);
    }
  }

  #reply(request: Stanza, payload?: Element): void {
    this.#core.router.reply(
      Stanza.fromElement(
        xml(
          'iq',
          { type: 'result', id: request.id ?? '', from: request.to ?? '', to: request.from ?? '' },
          ...(payload === undefined ? [] : [payload]),
        ),
      ),
    );
  }

  #refuse(stanza: Stanza): void {
    const reply = errorReply(stanza, new StanzaError('forbidden'));
    if (reply !== null) this.#core.router.reply(reply);
  }
}
