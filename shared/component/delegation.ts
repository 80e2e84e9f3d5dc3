import { child, childElements, type Element, xml } from '../xml/element.js';
import { Stanza } from '../xml/stanza.js';
import { NS } from '../xmpp/namespaces.js';
import { StanzaError } from '../xmpp/stanza-error.js';
import type { DelegationGrant } from './component.js';

export type Generation = 1 | 2;

const DELEGATION = { 1: NS.delegation1, 2: NS.delegation2 } as const;

/** The generation of XEP-0355 that a namespace belongs to. */
export function delegationGeneration(namespace: string): Generation | null {
  if (namespace === NS.delegation2) return 2;
  return namespace === NS.delegation1 ? 1 : null;
}

interface DelegationAdvertisement {
  readonly generation: Generation;
  readonly grants: readonly DelegationGrant[];
}

/** Reads the message by which a server says what it delegates (XEP-0355 §4.2); null for any other message. */
export function readDelegationAdvertisement(message: Stanza): DelegationAdvertisement | null {
  for (const generation of [2, 1] as const) {
    if (!message.hasChild('delegation', DELEGATION[generation])) continue;
    const delegation = child(message.element, 'delegation', DELEGATION[generation]);
    // With a `to` it is the client mode (§5.1), which we do not ask for.
    if (delegation === undefined || delegation.attrs['to'] !== undefined) return null;
    const grants: DelegationGrant[] = [];
    for (const delegated of childElements(delegation)) {
      const namespace = delegated.attrs['namespace'];
      if (delegated.getName() !== 'delegated' || !namespace) continue;
      const filteringAttributes = childElements(delegated)
        .filter((attribute) => attribute.getName() === 'attribute')
        .flatMap((attribute) => attribute.attrs['name'] ?? []);
      grants.push({ generation, namespace, filteringAttributes });
    }
    return { generation, grants };
  }
  return null;
}

/**
 * What is delegated after an advertisement. Generation 2 servers send the whole list each time; generation 1 (ejabberd)
 * sends one message a namespace, so those add up until the stream ends.
 */
export function mergeDelegations(
  known: ReadonlyMap<string, DelegationGrant>,
  advertisement: DelegationAdvertisement,
): Map<string, DelegationGrant> {
  const merged = new Map<string, DelegationGrant>();
  for (const [namespace, grant] of known) {
    if (advertisement.generation === 1 || grant.generation === 1) merged.set(namespace, grant);
  }
  for (const grant of advertisement.grants) merged.set(grant.namespace, grant);
  return merged;
}

/** Takes the request out of what the server forwards (XEP-0355 §4.3). Throws `bad-request` where there is none. */
export function unwrapDelegated(outer: Stanza): Stanza {
  const delegation = childElements(outer.element)[0];
  const forwarded = delegation && childElements(delegation)[0];
  if (forwarded === undefined || !forwarded.is('forwarded', NS.forward))
    throw malformed('no forwarded stanza');
  const [iq, ...others] = childElements(forwarded);
  if (iq === undefined || others.length > 0 || iq.getName() !== 'iq') throw malformed('not one forwarded iq');
  const inner = Stanza.fromElement(iq.attrs['xmlns'] === NS.client ? iq : inClientNamespace(iq));
  const { type, id, from } = inner;
  if ((type !== 'get' && type !== 'set') || id === undefined || from === undefined) {
    throw malformed('the forwarded iq is no request');
  }
  if (inner.children().length !== 1) throw malformed('the forwarded iq has not one payload');
  return inner;
}

function malformed(text: string): StanzaError {
  return new StanzaError('bad-request', { text });
}

/** Some of XEP-0355's own examples forget the inner `xmlns`, which puts the iq into the namespace of `<forwarded/>`. */
function inClientNamespace(iq: Element): Element {
  const copy = xml('iq', { ...iq.attrs, xmlns: NS.client });
  for (const node of childElements(iq)) {
    const inherited = node.getNS();
    const part = xml(node.name, { ...(inherited === undefined ? {} : { xmlns: inherited }), ...node.attrs });
    part.children = node.children;
    for (const grandchild of childElements(node)) grandchild.parent = part;
    part.parent = copy;
    copy.children.push(part);
  }
  return copy;
}

/**
 * The answer to a forwarded request: the inner answer inside an outer result. Read literally, XEP-0355 knows no inner
 * errors; servers relay them, and without them access rules could not be told to the client (deviation in the docs).
 */
export function wrapAnswer(
  outer: Stanza,
  inner: Stanza,
  answer: { result: Element | undefined } | { error: StanzaError },
): Element {
  const namespace = outer.payload?.namespace ?? NS.delegation2;
  const iq = xml('iq', {
    xmlns: NS.client,
    type: 'error' in answer ? 'error' : 'result',
    id: inner.id,
    // §4.3: `from` and `to` are those of the request, exchanged; a request without `to` is to the account itself.
    from: inner.to ?? inner.fromJid?.bare ?? outer.from,
    to: inner.from,
  });
  if ('error' in answer) iq.append(answer.error.toElement());
  else if (answer.result !== undefined) iq.append(answer.result);
  return xml(
    'iq',
    { type: 'result', id: outer.id, from: outer.to, to: outer.from },
    xml('delegation', { xmlns: namespace }, xml('forwarded', { xmlns: NS.forward }, iq)),
  );
}

/** A disco node of nested information (XEP-0355 §7.2): `<delegation namespace>::<namespace>` or `…:bare:<namespace>`. */
export function readNestedNode(
  node: string,
): { readonly scope: 'server' | 'account'; readonly namespace: string } | null {
  for (const prefix of [NS.delegation2, NS.delegation1]) {
    if (node.startsWith(`${prefix}::`)) return { scope: 'server', namespace: node.slice(prefix.length + 2) };
    if (node.startsWith(`${prefix}:bare:`))
      return { scope: 'account', namespace: node.slice(prefix.length + 6) };
  }
  return null;
}
