// Types only, until the module lands.
import type { Jid } from '../xmpp/jid.js';
import type { Element } from './element.js';

export declare class Stanza {
  readonly name: string;
  readonly namespace: string;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly lang: string | undefined;
  attribute(name: string): string | undefined;
  readonly toJid: Jid | null | undefined;
  readonly fromJid: Jid | null | undefined;
  readonly source: string;
  readonly payload: { name: string; namespace: string } | null;
  children(): readonly { name: string; namespace: string }[];
  hasChild(name: string, namespace: string): boolean;
  readonly element: Element;
  readonly text: string;
  textTo(to: string): string;
  readdress(change: { from?: string; to?: string | null; id?: string; lang?: string }): Stanza;
  static fromElement(element: Element): Stanza;
  static parse(text: string, contentNamespace?: string): Stanza;
}
