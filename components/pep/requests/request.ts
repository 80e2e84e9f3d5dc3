import type { IqRequest } from '../../../shared/component/component.js';
import { childElements, type Element, xml } from '../../../shared/xml/element.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Pep } from '../context.js';
import { nodeRequired } from '../errors.js';
import type { Account } from '../nodes/account.js';
import type { PepNode } from '../nodes/node.js';

/** One request to an account's pubsub service. */
export interface PubsubRequest {
  readonly from: Jid;
  /** Bare JID of the account. */
  readonly owner: string;
  /** The `<pubsub/>` element. */
  readonly pubsub: Element;
  /** What is asked for: its child that names the use case. */
  readonly action: Element;
}

/** A use case: with the account's nodes to itself, it returns the answer's payload or throws the error. */
export type UseCase = (
  pep: Pep,
  request: PubsubRequest,
  account: Account,
) => Element | undefined | Promise<Element | undefined>;

/** The NodeID that a request names. Throws `nodeid-required`. */
export function nodeName(request: PubsubRequest): string {
  const name = request.action.attrs['node'];
  if (name === undefined || name === '') throw nodeRequired();
  return name;
}

/** The node that a request names. Throws `nodeid-required`, `item-not-found`. */
export function existingNode(request: PubsubRequest, account: Account): PepNode {
  const node = account.node(nodeName(request));
  if (node === undefined) throw new StanzaError('item-not-found');
  return node;
}

/** The node, for its owner alone. Throws `nodeid-required`, `item-not-found`, `forbidden`. */
export function ownedNode(request: PubsubRequest, account: Account): PepNode {
  const name = nodeName(request);
  // A stranger must not learn which nodes there are.
  if (request.from.bare !== request.owner) throw new StanzaError('forbidden');
  const node = account.node(name);
  if (node === undefined) throw new StanzaError('item-not-found');
  return node;
}

/** Whether the account asks its own service. */
export function isOwner(request: PubsubRequest): boolean {
  return request.from.bare === request.owner;
}

/** An answer in the namespace of everybody’s requests (XEP-0060 §5–§7). */
export function answer(...content: Element[]): Element {
  return xml('pubsub', { xmlns: NS.pubsub }, ...content);
}

/** An answer in the namespace of owners’ requests (XEP-0060 §8). */
export function ownerAnswer(...content: Element[]): Element {
  return xml('pubsub', { xmlns: NS.pubsubOwner }, ...content);
}

/** Elements of the request's own namespace within one of its elements. */
export function parts(parent: Element, name: string): Element[] {
  const namespace = parent.getNS();
  return childElements(parent).filter((part) => part.getName() === name && part.getNS() === namespace);
}

/** An XML Schema boolean; undefined for anything else. */
export function booleanOf(text: string | undefined): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

export type { IqRequest };
