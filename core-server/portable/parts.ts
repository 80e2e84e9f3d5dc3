import { PIE, type PortablePart } from '../../shared/portable/part.js';
import type { Storage } from '../../shared/storage/storage.js';
import {
  childElements,
  children,
  clone,
  type Element,
  namespaceOf,
  textOf,
  xml,
} from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';
import { type BareJid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { OFFLINE_MESSAGES } from '../messages/offline/offline-document.js';
import { PRIVATE_XML } from '../private-storage/private-document.js';
import type { Roster, RosterItem, Subscription } from '../roster/roster.js';
import { documentOf, ROSTERS, rosterOf } from '../roster/roster-document.js';
import { itemElement } from '../roster/roster-service.js';

const PAGE = 100;
const SUBSCRIPTIONS: readonly Subscription[] = ['none', 'to', 'from', 'both'];

/** What the core keeps of an account besides its password, in the portable format. */
export function portableParts(storage: Storage): readonly PortablePart[] {
  return [rosters(storage), offlineMessages(storage), privateXml(storage)];
}

/** XEP-0227 §"Rosters" and §"Incoming Subscription Requests". */
function rosters(storage: Storage): PortablePart {
  const collection = storage.keyval(ROSTERS);
  const change = async (account: BareJid, apply: (roster: Roster) => void): Promise<void> => {
    const stored = await collection.get(account);
    const roster = rosterOf(stored);
    apply(roster);
    roster.version++;
    await collection.put(account, documentOf(roster), { expect: stored?.version ?? 0 });
  };
  return {
    name: 'roster',
    owners: () => collection.owners(),
    async export(account) {
      const stored = await collection.get(account);
      if (stored === undefined) return [];
      const roster = rosterOf(stored);
      return [
        xml('query', { xmlns: NS.roster }, ...[...roster.items.values()].map(itemElement)),
        ...[...roster.pendingIn.values()].map(({ stanza }) => clientElement(stanza)),
      ];
    },
    async import(account, element) {
      const name = element.getName();
      if (name === 'query' && namespaceOf(element) === NS.roster) {
        const items = children(element, 'item')
          .map(itemOf)
          .filter((item) => item !== null);
        await change(account, (roster) => {
          for (const item of items) roster.items.set(item.jid, item);
        });
        return true;
      }
      if (name !== 'presence' || namespaceOf(element) !== NS.client || element.attrs['type'] !== 'subscribe')
        return false;
      const from = parseJid(element.attrs['from'] ?? '')?.bare;
      if (from === undefined) return false;
      const stanza = clone(element);
      stanza.attrs['from'] = from;
      stanza.attrs['to'] = account;
      await change(account, (roster) => {
        roster.pendingIn.set(from, { from, stanza: Stanza.fromElement(stanza).text });
      });
      return true;
    },
  };
}

/** An item as our tables hold it; null for what is none (a malformed JID, a removal). */
function itemOf(element: Element): RosterItem | null {
  const jid = parseJid(element.attrs['jid'] ?? '');
  const subscription = SUBSCRIPTIONS.find((state) => state === (element.attrs['subscription'] ?? 'none'));
  if (jid === null || subscription === undefined) return null;
  const { name } = element.attrs;
  return {
    jid: jid.bare,
    ...(name === undefined || name === '' ? {} : { name }),
    groups: [
      ...new Set(
        children(element, 'group')
          .map(textOf)
          .filter((group) => group !== ''),
      ),
    ],
    subscription,
    ask: element.attrs['ask'] === 'subscribe',
    approved: ['true', '1'].includes(element.attrs['approved'] ?? ''),
  };
}

/** XEP-0227 §"Offline Messages": oldest first. */
function offlineMessages(storage: Storage): PortablePart {
  const archive = storage.archive(OFFLINE_MESSAGES);
  return {
    name: 'messages',
    owners: () => archive.owners(),
    async export(account) {
      const messages: Element[] = [];
      for (let after = 0; ; ) {
        const page = await archive.page(account, { after, limit: PAGE });
        messages.push(...page.map((entry) => clientElement(entry.value.text)));
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) break;
        after = last.id;
      }
      return messages.length === 0 ? [] : [xml('offline-messages', { xmlns: PIE }, ...messages)];
    },
    async import(account, element) {
      // in the format's own namespace, which a part need not know
      if (element.getName() !== 'offline-messages') return false;
      for (const message of childElements(element)) {
        if (message.getName() !== 'message' || namespaceOf(message) !== NS.client) continue;
        await archive.append(account, { text: Stanza.fromElement(clone(message)).text });
      }
      return true;
    },
  };
}

/** XEP-0227 §"Private XML Storage". */
function privateXml(storage: Storage): PortablePart {
  const collection = storage.keyval(PRIVATE_XML);
  return {
    name: 'private',
    owners: () => collection.owners(),
    async export(account) {
      const stored = await collection.get(account);
      const fragments = stored?.value.fragments ?? [];
      if (fragments.length === 0) return [];
      const elements = fragments.map((text) => clone(Stanza.parse(text, '').element));
      return [xml('query', { xmlns: NS.privateStorage }, ...elements)];
    },
    async import(account, element) {
      if (element.getName() !== 'query' || namespaceOf(element) !== NS.privateStorage) return false;
      const fragments = childElements(element).map((fragment) => writeElement(clone(fragment), ''));
      await collection.put(account, { fragments });
      return true;
    },
  };
}

/** A stored stanza with its namespace written out, since elsewhere no stream implies it. */
function clientElement(text: string): Element {
  const element = clone(Stanza.parse(text).element);
  element.attrs['xmlns'] ??= NS.client;
  return element;
}
