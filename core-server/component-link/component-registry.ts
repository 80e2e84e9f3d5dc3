import type { Stanza } from '../../shared/xml/stanza.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentStream } from './component-stream.js';
import type { LoopWatch } from './loop-watch.js';

/** Takes a stanza of a component before it is routed; true when it was taken over. */
type ComponentStanzaHandler = (stanza: Stanza, domain: ComponentDomain, stream: ComponentStream) => boolean;

/** All component domains that may connect, and who looks at what they send. */
export class ComponentRegistry {
  readonly domains = new Map<string, ComponentDomain>();
  /** Told of what components send each other. */
  loops: LoopWatch | null = null;
  readonly #handlers = new Map<string, ComponentStanzaHandler[]>();
  readonly #upListeners: ((domain: ComponentDomain, stream: ComponentStream) => void)[] = [];
  readonly #lostListeners: ((domain: ComponentDomain, stream: ComponentStream) => void)[] = [];
  readonly #goneListeners: ((domain: ComponentDomain) => void)[] = [];

  /** Takes results and errors that answer what we asked a component; set by the component link. */
  answers: (stanza: Stanza, domain: ComponentDomain) => boolean = () => false;

  /** A handler for the stanzas of components whose first child is in `namespace`. */
  onStanza(namespace: string, handler: ComponentStanzaHandler): void {
    const list = this.#handlers.get(namespace) ?? [];
    list.push(handler);
    this.#handlers.set(namespace, list);
  }

  /** A stream of a domain is open: time for advertisements. */
  onUp(listener: (domain: ComponentDomain, stream: ComponentStream) => void): void {
    this.#upListeners.push(listener);
  }
  /** One stream of a domain is lost; what it had been given and not answered may be given to another. */
  onStreamLost(listener: (domain: ComponentDomain, stream: ComponentStream) => void): void {
    this.#lostListeners.push(listener);
  }
  /** A domain is away for good: it left, or its grace is over. */
  onGone(listener: (domain: ComponentDomain) => void): void {
    this.#goneListeners.push(listener);
  }

  up(domain: ComponentDomain, stream: ComponentStream): void {
    for (const listener of this.#upListeners) listener(domain, stream);
  }
  streamLost(domain: ComponentDomain, stream: ComponentStream): void {
    for (const listener of this.#lostListeners) listener(domain, stream);
  }
  gone(domain: ComponentDomain): void {
    for (const listener of this.#goneListeners) listener(domain);
  }

  /** True when a handler took the stanza. */
  take(stanza: Stanza, domain: ComponentDomain, stream: ComponentStream): boolean {
    const payload = stanza.payload;
    if (payload === null) return false;
    const handlers = this.#handlers.get(payload.namespace);
    if (handlers === undefined) return false;
    for (const handler of handlers) if (handler(stanza, domain, stream)) return true;
    return false;
  }
}
