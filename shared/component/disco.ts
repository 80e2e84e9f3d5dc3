import { type Element, xml } from '../xml/element.js';
import { NS } from '../xmpp/namespaces.js';
import { StanzaError } from '../xmpp/stanza-error.js';
import type { ComponentDisco, DiscoIdentity, DiscoPart, IqRequest } from './component.js';
import { readNestedNode } from './delegation.js';

/** The component's own service discovery (XEP-0030), and what the server nests into its own (XEP-0355 §7.2). */
export class Disco implements ComponentDisco {
  private readonly identities: DiscoIdentity[] = [];
  private readonly features = new Set<string>();
  private readonly forms: Element[] = [];
  private readonly nested = {
    server: new Map<string, DiscoPart[]>(),
    account: new Map<string, DiscoPart[]>(),
  };

  identity(identity: DiscoIdentity): void {
    this.identities.push(identity);
  }

  feature(...features: string[]): void {
    for (const feature of features) this.features.add(feature);
  }

  form(form: Element): void {
    this.forms.push(form);
  }

  nestedServer(namespace: string, part: DiscoPart): void {
    this.nest(this.nested.server, namespace, part);
  }

  nestedAccount(namespace: string, part: DiscoPart): void {
    this.nest(this.nested.account, namespace, part);
  }

  /** Whether this knows the answer to a disco#info of the component's domain with that node. */
  knows(node: string | undefined): boolean {
    return node === undefined || node === '' || readNestedNode(node) !== null;
  }

  /** The answer to a disco#info request to the component's own domain. */
  answerInfo(request: Pick<IqRequest, 'payload'>): Element {
    const node = request.payload.attrs['node'];
    if (node === undefined || node === '') {
      return query(node, [{ identities: this.identities, features: [...this.features], forms: this.forms }]);
    }
    const asked = readNestedNode(node);
    if (asked === null) throw new StanzaError('item-not-found');
    // A delegation without anything to nest has an empty answer: ejabberd grants it only when it gets one.
    return query(node, this.nested[asked.scope].get(asked.namespace) ?? []);
  }

  private nest(parts: Map<string, DiscoPart[]>, namespace: string, part: DiscoPart): void {
    const known = parts.get(namespace);
    if (known === undefined) parts.set(namespace, [part]);
    else known.push(part);
    // XEP-0355 §7.1: who takes part in delegation says so; in the field there are two generations.
    this.feature(NS.delegation2, NS.delegation1);
  }
}

function query(node: string | undefined, parts: readonly DiscoPart[]): Element {
  const answer = xml('query', { xmlns: NS.discoInfo, node });
  for (const part of parts) {
    for (const { category, type, name } of part.identities ?? []) {
      answer.append(xml('identity', { category, type, name }));
    }
  }
  for (const part of parts) {
    for (const feature of part.features ?? []) answer.append(xml('feature', { var: feature }));
  }
  for (const part of parts) {
    for (const form of part.forms ?? []) {
      const copy = xml(form.name, { ...form.attrs });
      copy.children = form.children;
      answer.append(copy);
    }
  }
  return answer;
}
