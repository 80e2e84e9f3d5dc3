import type { Component } from '../../shared/component/component.js';
import { type Element, xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { blockedJids } from './block-list.js';
import type { ConnectedResource } from './enforcer.js';
import type { Lists } from './lists.js';

/** Tells connected resources what has changed: XEP-0016 §2.2 rule 10, XEP-0191 §3.3, §3.4. */
export class Pushes {
  readonly #component: Component;
  #sequence = 0;

  constructor(component: Component) {
    this.#component = component;
  }

  /** `everybody`: the block list was emptied by a request for that (XEP-0191 §3.5). */
  send(
    account: string,
    before: Lists,
    after: Lists,
    resources: readonly ConnectedResource[],
    everybody = false,
  ): void {
    const lists = changedLists(before, after);
    const was = new Set(blockedJids(before));
    const is = new Set(blockedJids(after));
    const blocked = [...is].filter((jid) => !was.has(jid));
    const unblocked = [...was].filter((jid) => !is.has(jid));
    for (const resource of resources) {
      for (const name of lists) {
        this.#push(account, resource.jid, xml('query', { xmlns: NS.privacy }, xml('list', { name })));
      }
      if (!resource.blocklist) continue;
      if (blocked.length > 0) this.#push(account, resource.jid, items('block', blocked));
      if (unblocked.length > 0) {
        this.#push(account, resource.jid, items('unblock', everybody ? [] : unblocked));
      }
    }
  }

  /** From the account to its resource; what the client answers to a push says nothing to us. */
  #push(account: string, resource: string, payload: Element): void {
    this.#sequence++;
    this.#component.privileged
      .requestAs(
        xml('iq', { type: 'set', id: `push${this.#sequence}`, from: account, to: resource }, payload),
      )
      .catch((error: unknown) => {
        this.#component.log.debug({ code: 'privacy.push-unanswered', error }, 'a push was not answered');
      });
  }
}

function items(name: 'block' | 'unblock', jids: readonly string[]): Element {
  return xml(name, { xmlns: NS.blocking }, ...jids.map((jid) => xml('item', { jid })));
}

function changedLists(before: Lists, after: Lists): string[] {
  const names = new Set([...before.lists, ...after.lists].map((list) => list.name));
  const text = (lists: Lists, name: string) =>
    JSON.stringify(lists.lists.find((list) => list.name === name)?.items);
  return [...names].filter((name) => text(before, name) !== text(after, name));
}
