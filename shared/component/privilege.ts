import { child, childElements, type Element, xml } from '../xml/element.js';
import { Stanza } from '../xml/stanza.js';
import { parseJid } from '../xmpp/jid.js';
import { NS } from '../xmpp/namespaces.js';
import { StanzaError } from '../xmpp/stanza-error.js';
import type { PrivilegedVerbs, Privileges } from './component.js';

const PRIVILEGE = { 1: NS.privilege1, 2: NS.privilege2 } as const;

export const NO_PRIVILEGES: Privileges = {
  generation: null,
  roster: 'none',
  rosterPush: false,
  rosterPushSaid: false,
  message: 'none',
  presence: 'none',
  iq: new Map(),
};

/** Reads the message by which a server says what it grants (XEP-0356 §4.2); null for any other message. */
export function readPrivilegeAdvertisement(message: Stanza): Privileges | null {
  for (const generation of [2, 1] as const) {
    if (!message.hasChild('privilege', PRIVILEGE[generation])) continue;
    const privilege = child(message.element, 'privilege', PRIVILEGE[generation]);
    if (privilege === undefined) return null;
    const permissions = childElements(privilege).filter((perm) => perm.getName() === 'perm');
    const perm = (access: string): Element | undefined =>
      permissions.find((candidate) => candidate.attrs['access'] === access);
    const roster = readAccess(perm('roster')?.attrs['type']);
    const readable = roster === 'get' || roster === 'both';
    const presence = perm('presence')?.attrs['type'];
    return {
      generation,
      roster,
      // §4.2: pushes are the default where the roster may be read.
      rosterPush: readable && perm('roster')?.attrs['push'] !== 'false',
      rosterPushSaid: readable && perm('roster')?.attrs['push'] === 'true',
      message: perm('message')?.attrs['type'] === 'outgoing' ? 'outgoing' : 'none',
      presence: presence === 'managed_entity' || presence === 'roster' ? presence : 'none',
      iq: readIqPermissions(perm('iq')),
    };
  }
  return null;
}

function readAccess(type: string | undefined): 'none' | 'get' | 'set' | 'both' {
  return type === 'get' || type === 'set' || type === 'both' ? type : 'none';
}

function readIqPermissions(perm: Element | undefined): ReadonlyMap<string, 'get' | 'set' | 'both'> {
  const granted = new Map<string, 'get' | 'set' | 'both'>();
  const entries = perm === undefined ? [] : childElements(perm);
  for (const entry of entries) {
    // Prosody's module forgets to close each namespace before the next.
    entries.push(...childElements(entry));
    const type = readAccess(entry.attrs['type']);
    const namespace = entry.attrs['ns'];
    if (entry.getName() === 'namespace' && namespace && type !== 'none') granted.set(namespace, type);
  }
  return granted;
}

/** What the verbs need of the runtime. */
interface PrivilegeLink {
  readonly domain: string;
  privilegesOf(serverDomain: string): Privileges;
  send(stanza: Element): boolean;
  request(iq: Element, options?: { timeoutMilliseconds?: number }): Promise<Stanza>;
  nextId(): string;
}

/** XEP-0356's verbs over one link. */
export function createPrivilegedVerbs(link: PrivilegeLink): PrivilegedVerbs {
  const forbidden = (text: string): StanzaError => new StanzaError('forbidden', { text });

  const granted = (account: string): { account: string; server: string; privileges: Privileges } => {
    const jid = parseJid(account);
    if (jid === null || !jid.isBare) throw forbidden('not the bare JID of an account');
    return { account: jid.bare, server: jid.domain, privileges: link.privilegesOf(jid.domain) };
  };

  const roster = (account: string, wanted: 'get' | 'set'): string => {
    const { privileges, account: bare } = granted(account);
    if (privileges.roster !== wanted && privileges.roster !== 'both') {
      throw forbidden(`the server does not grant roster ${wanted}`);
    }
    return bare;
  };

  return {
    sendMessageAs(message) {
      const { privileges, server } = granted(message.attrs['from'] ?? '');
      if (privileges.message !== 'outgoing' || privileges.generation === null) {
        throw forbidden('the server does not grant outgoing messages');
      }
      const wrapped = xml(
        'message',
        { from: link.domain, to: server, id: link.nextId() },
        xml(
          'privilege',
          { xmlns: PRIVILEGE[privileges.generation] },
          xml('forwarded', { xmlns: NS.forward }, asClientStanza(message)),
        ),
      );
      if (!link.send(wrapped))
        throw new StanzaError('resource-constraint', { text: 'too much waits for the server' });
    },

    async getRoster(account) {
      const to = roster(account, 'get');
      const iq = xml('iq', { type: 'get', to }, xml('query', { xmlns: NS.roster }));
      const query = child((await link.request(iq)).element, 'query', NS.roster);
      if (query === undefined)
        throw new StanzaError('undefined-condition', { text: 'no roster in the answer' });
      return query;
    },

    async setRoster(account, query) {
      const to = roster(account, 'set');
      await link.request(xml('iq', { type: 'set', to }, query));
    },

    async requestAs(iq) {
      const { privileges, account } = granted(iq.attrs['from'] ?? '');
      const type = iq.attrs['type'] ?? '';
      const namespace = childElements(iq)[0]?.getNS() ?? '';
      const permission = privileges.iq.get(namespace);
      if (privileges.generation === null || (permission !== type && permission !== 'both')) {
        throw forbidden(`the server does not grant iq ${type} of ${namespace}`);
      }
      const inner = asClientStanza(iq);
      inner.attrs['id'] ??= link.nextId();
      const answer = await link.request(
        xml(
          'iq',
          { type, to: account },
          xml('privileged_iq', { xmlns: PRIVILEGE[privileges.generation] }, inner),
        ),
      );
      return unwrapPrivilegedAnswer(answer);
    },
  };
}

/** The answer inside `<privilege><forwarded/>` (XEP-0356 §6.3); an inner error rejects like any other. */
function unwrapPrivilegedAnswer(answer: Stanza): Stanza {
  const privilege = childElements(answer.element).find((element) => element.getName() === 'privilege');
  const forwarded =
    privilege && childElements(privilege).find((element) => element.getName() === 'forwarded');
  const iq = forwarded && childElements(forwarded).find((element) => element.getName() === 'iq');
  if (iq === undefined) throw new StanzaError('undefined-condition', { text: 'no answer in the answer' });
  const inner = Stanza.fromElement(iq);
  if (inner.type === 'error') throw StanzaError.fromStanza(inner);
  return inner;
}

/** A stanza to be forwarded declares its own namespace (XEP-0297 §3). */
function asClientStanza(stanza: Element): Element {
  const copy = xml(stanza.name, { ...stanza.attrs, xmlns: NS.client });
  copy.children = stanza.children;
  return copy;
}
