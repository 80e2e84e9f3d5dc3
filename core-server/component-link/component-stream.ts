import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { prepareDomain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { isStanzaName } from '../../shared/xmpp/stanza-name.js';
import type { StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import type { Transport, TransportHandler } from '../streams/transport.js';
import type { ComponentDomain } from './component-domain.js';

export interface ComponentStreamOwner {
  readonly log: Logger;
  /** The configured component of this domain, if any. */
  find(domain: string): ComponentDomain | undefined;
  /** A stanza of an authenticated component; its `from` is checked. */
  receive(stanza: Stanza, stream: ComponentStream): void;
  closed(stream: ComponentStream): void;
  /** It has shown its secret. */
  authenticated(): void;
}

/** How far a component's stream has come (XEP-0114 §3). */
type ComponentStreamState =
  | { readonly step: 'opening' }
  | { readonly step: 'handshake'; readonly domain: ComponentDomain }
  | { readonly step: 'open'; readonly domain: ComponentDomain }
  | { readonly step: 'closed' };

/** One XEP-0114 `accept` stream, from header to close. */
export class ComponentStream implements TransportHandler {
  readonly transport: Transport;
  readonly id = randomUUID();
  readonly openedAt = performance.now();
  state: ComponentStreamState = { step: 'opening' };
  /** It said it will be back (`<reset/>`), so its stanzas are held for a while (docs/operating.md). */
  comesBack = true;
  /** It said so before it closed: what it had been sent and has not answered was not carried out. */
  finishedItsWork = false;
  #reset = false;
  readonly #owner: ComponentStreamOwner;

  constructor(transport: Transport, owner: ComponentStreamOwner) {
    this.transport = transport;
    this.#owner = owner;
    transport.handler = this;
  }

  get domain(): ComponentDomain | null {
    return this.state.step === 'open' ? this.state.domain : null;
  }

  send(text: string): void {
    this.transport.send(text);
  }

  fail(condition: StreamErrorCondition, text?: string): void {
    this.transport.fail(condition, text);
    this.#end();
  }

  streamOpened(header: StreamHeader): void {
    const domainText = header.to === undefined ? null : prepareDomain(header.to);
    const domain = domainText === null ? undefined : this.#owner.find(domainText);
    this.transport.sendHeader({
      contentNamespace: NS.component,
      id: this.id,
      ...(header.to === undefined ? {} : { from: domainText ?? header.to }),
    });
    if (header.namespace !== NS.streams) return this.fail('invalid-namespace');
    if (header.defaultNamespace !== NS.component) return this.fail('invalid-namespace');
    if (this.state.step !== 'opening') return this.fail('bad-format');
    // XEP-0114 §3: an unknown component domain
    if (domain === undefined || domain.secret === null) return this.fail('host-unknown');
    this.state = { step: 'handshake', domain };
  }

  stanzaReceived(stanza: Stanza): void {
    const { state } = this;
    if (state.step === 'handshake') return this.#handshake(stanza, state.domain);
    if (state.step !== 'open') return;
    if (stanza.name === 'error' && stanza.namespace === NS.streams) {
      this.#reset = stanza.hasChild('reset', NS.streamErrors);
      return;
    }
    // RFC 6120 §4.8.3: the content namespaces of other streams have no business here
    if (stanza.namespace === NS.client || stanza.namespace === NS.server)
      return this.fail('invalid-namespace');
    if (stanza.namespace !== NS.component || !isStanzaName(stanza.name))
      return this.fail('unsupported-stanza-type');
    // The neutral content namespace is what everything else of the core works with
    const from = stanza.fromJid;
    if (stanza.from === undefined) {
      this.#receive(stanza.readdress({ from: state.domain.name }));
      return;
    }
    // XEP-0114 §2: it speaks for its own domain only
    if (!from || from.domain !== state.domain.name) {
      this.#owner.log.warn(
        { code: 'component.invalid-from', domain: state.domain.name, claimed: from?.domain },
        'a component sent a stanza in the name of somebody else',
      );
      return this.fail('invalid-from');
    }
    // RFC 7622 §4: whoever gets it knows the sender by the mapped form only
    this.#receive(from.full === stanza.from ? stanza : stanza.readdress({ from: from.full }));
  }

  streamClosed(): void {
    // a plain close means leaving, an error <reset/> before it means coming back
    this.comesBack = this.#reset;
    this.finishedItsWork = this.#reset;
    this.#end();
  }

  lost(): void {
    this.#end();
  }

  drained(): void {
    this.domain?.drained(this);
  }

  #receive(stanza: Stanza): void {
    if (stanza.to === undefined) return this.fail('improper-addressing', "a component's stanza needs a 'to'");
    this.#owner.receive(stanza, this);
  }

  /** XEP-0114 §3: the hash of stream id and secret. */
  #handshake(element: Stanza, domain: ComponentDomain): void {
    if (element.name !== 'handshake' || element.namespace !== NS.component)
      return this.fail('not-authorized');
    const expected = createHash('sha1')
      .update(this.id + (domain.secret ?? ''))
      .digest('hex');
    const given = element.element.text().trim().toLowerCase();
    const equal =
      given.length === expected.length &&
      timingSafeEqual(Buffer.from(given, 'utf8'), Buffer.from(expected, 'utf8'));
    if (!equal) {
      this.#owner.log.warn(
        { code: 'component.handshake-failed', domain: domain.name, address: this.transport.remoteAddress },
        'a component showed a wrong secret',
      );
      return this.fail('not-authorized');
    }
    // a first stream of the same domain may have to prove that it lives
    this.transport.pause();
    domain.admit().then((admitted) => {
      if (this.state.step === 'closed') return;
      if (!admitted) return this.fail('conflict');
      this.state = { step: 'open', domain };
      this.#owner.authenticated();
      this.send('<handshake/>');
      domain.attach(this);
      this.transport.resume();
    });
  }

  #end(): void {
    const { state } = this;
    if (state.step === 'closed') return;
    this.state = { step: 'closed' };
    if (state.step === 'open') state.domain.detach(this, this.comesBack);
    this.#owner.closed(this);
  }
}
