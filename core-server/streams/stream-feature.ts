import type { Stanza } from '../../shared/xml/stanza.js';
import type { ClientStream } from './client-stream.js';

/** One negotiable feature of client streams (RFC 6120 §4.3.2), registered on the composition page in XEP-0170 order. */
interface StreamFeature {
  readonly name: string;
  /** Namespaces of the first-level elements that {@link receive} takes. */
  readonly namespaces: readonly string[];
  /** The feature's XML for `<stream:features/>`, or null when it does not apply to the stream as it is now. */
  offer(stream: ClientStream): string | null;
  receive(stream: ClientStream, element: Stanza): void;
}

/** Answers one IQ payload before a resource is bound (bind itself, XEP-0078, registration). */
interface UnboundIq {
  readonly namespace: string;
  readonly name: string;
  receive(stream: ClientStream, iq: Stanza): void;
}

/** What client streams may negotiate. */
export class StreamFeatures {
  readonly #features: StreamFeature[] = [];
  readonly #byNamespace = new Map<string, StreamFeature>();
  readonly #unboundIqs: UnboundIq[] = [];

  add(feature: StreamFeature): void {
    this.#features.push(feature);
    for (const namespace of feature.namespaces) this.#byNamespace.set(namespace, feature);
  }

  addUnboundIq(handler: UnboundIq): void {
    this.#unboundIqs.push(handler);
  }

  offers(stream: ClientStream): string {
    let text = '';
    for (const feature of this.#features) text += feature.offer(stream) ?? '';
    return text;
  }

  taker(namespace: string): StreamFeature | undefined {
    return this.#byNamespace.get(namespace);
  }

  unboundIq(iq: Stanza): UnboundIq | undefined {
    const payload = iq.payload;
    if (payload === null) return undefined;
    return this.#unboundIqs.find(
      (handler) => handler.namespace === payload.namespace && handler.name === payload.name,
    );
  }
}
