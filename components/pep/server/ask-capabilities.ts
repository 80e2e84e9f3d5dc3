import type { Component } from '../../../shared/component/component.js';
import { child, type Element, xml } from '../../../shared/xml/element.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { type AskInfo, Unreachable } from './caps-cache.js';
import type { KnownContacts } from './known-contacts.js';
import type { Watchers } from './watchers.js';

/**
 * Asks a client for its disco#info: in the name of an account that it knows (its own, or one whose presence it receives)
 * where the server lets us, else as the component. Other servers need not know the component's domain at all.
 */
export function askCapabilities(component: Component, watchers: Watchers, contacts: KnownContacts): AskInfo {
  return async (resource, node, knownTo) => {
    const to = parseJid(resource);
    if (to === null) throw new StanzaError('jid-malformed');
    const local = component.server.domains.has(to.domain);
    if (!local) await contacts.complete;
    const account = local ? to.toBare() : parseJid(knownTo ?? watchers.of(to.bare)[0] ?? '');
    const granted = account && component.server.domains.get(account.domain)?.privileges.iq.get(NS.discoInfo);
    const query = xml('query', { xmlns: NS.discoInfo, node });
    const iq = { type: 'get', to: to.full };
    const answer =
      account && (granted === 'get' || granted === 'both')
        ? await component.privileged.requestAs(xml('iq', { ...iq, from: account.bare }, query))
        : await component.request(xml('iq', iq, query)).catch(unreachable);
    return infoOf(answer.element);
  };
}

function unreachable(error: unknown): never {
  const unknown =
    error instanceof StanzaError &&
    (error.condition === 'remote-server-not-found' || error.condition === 'remote-server-timeout');
  throw unknown ? new Unreachable(error.message) : error;
}

function infoOf(iq: Element): Element {
  const query = child(iq, 'query', NS.discoInfo);
  if (query === undefined) throw new StanzaError('bad-request', { text: 'no disco#info in the answer' });
  return query;
}
