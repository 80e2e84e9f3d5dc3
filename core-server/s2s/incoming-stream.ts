import { randomUUID } from 'node:crypto';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { prepareDomain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { decodeBase64Strict } from '../sasl/base64.js';
import { ServerStream } from './server-stream.js';

const SASL_TRIES = 3;

/** A stream that another server opened (RFC 6120 §4 to §6 as the receiving entity; XEP-0178 §3). */
export class IncomingStream extends ServerStream {
  readonly direction = 'in';
  /** From the header: which of our domains is wanted, and who claims to want it. */
  local: string | null = null;
  remote: string | null = null;
  #opening = true;
  #authenticatedAs: string | null = null;
  /** SASL EXTERNAL without an initial response: an empty challenge was sent. */
  #challenged = false;
  #failures = 0;
  #modern = true;

  streamOpened(header: StreamHeader): void {
    if (!this.#opening) return this.fail('bad-format', 'unexpected stream header');
    this.#opening = false;
    this.id = randomUUID();
    this.lang = header.lang;
    this.#modern = header.version !== undefined && !/^0*\./.test(header.version);
    const local = header.to === undefined ? null : prepareDomain(header.to);
    const remote = header.from === undefined ? null : prepareDomain(header.from);
    this.transport.sendHeader({
      contentNamespace: NS.server,
      declarations: `xmlns:db='${NS.dialback}'`,
      id: this.id,
      // RFC 6120 §4.9.1.3: never an address that is not ours, also where somebody else was asked for
      ...(header.to === undefined && !this.#modern
        ? {}
        : { from: local !== null && this.context.serves(local) ? local : '' }),
      ...(header.from === undefined ? {} : { to: remote ?? header.from }),
      ...(this.#modern ? { version: '1.0' as const } : {}),
      // RFC 6120 §4.7.4: our default language
      lang: 'en',
    });
    if (header.namespace !== NS.streams) return this.fail('invalid-namespace');
    if (header.name !== 'stream') return this.fail('bad-format', 'the root element is not <stream/>');
    if (header.defaultNamespace !== NS.server) return this.fail('invalid-namespace');
    if (header.version !== undefined && !/^\d+\.\d+$/.test(header.version))
      return this.fail('unsupported-version');
    if (header.to === undefined) {
      // servers before XMPP 1.0 need not say whom they want: their dialback elements do
      if (this.#modern) return this.fail('improper-addressing', "the stream header needs a 'to'");
    } else if (local === null || !this.context.serves(local)) return this.fail('host-unknown');
    if (header.from !== undefined && remote === null) return this.fail('improper-addressing');
    if (remote !== null && this.context.serves(remote)) return this.fail('invalid-from');
    if (remote !== null && this.context.policy.ruleFor(remote) === 'refuse')
      return this.fail('policy-violation', 'no federation with this domain');
    // §4.7.1: liberal towards servers of before RFC 6120, which need not say who they are
    const claimed = remote ?? this.#authenticatedAs;
    if (this.#authenticatedAs !== null && (claimed !== this.#authenticatedAs || local !== this.local))
      return this.fail('invalid-from', 'other addresses than those that were authenticated');
    this.local = local;
    this.remote = claimed;
    if (this.#modern) this.#sendFeatures();
    // RFC 6120 §6.4.6: with SASL the authorization is for the addresses of the stream
    if (this.#authenticatedAs !== null && local !== null) this.accept(this.#authenticatedAs, local);
  }

  protected elementReceived(element: Stanza): void {
    if (this.#opening) return this.fail('not-authorized');
    switch (element.namespace) {
      case NS.tls:
        return this.#startTls(element);
      case NS.sasl:
        return this.#sasl(element);
      case NS.bidi:
        // XEP-0288 §2.2: before SASL or dialback; too late, it means nothing
        if (this.pairs === 0 && this.#authenticatedAs === null) this.bidirectional = true;
        return;
      default:
        if (this.pairs === 0) return this.fail('not-authorized');
        // RFC 6120 §4.8.3: a content namespace that has no business between servers
        return this.fail(isContent(element.namespace) ? 'invalid-namespace' : 'unsupported-stanza-type');
    }
  }

  #sendFeatures(): void {
    const { policy } = this.context;
    const { secure } = this.transport;
    let features = '';
    if (!secure) {
      features += `<starttls xmlns='${NS.tls}'>${policy.requireTls ? '<required/>' : ''}</starttls>`;
    }
    if (secure || !policy.requireTls) {
      // XEP-0178 §3 step 9: offered where it can succeed
      if (this.#canAuthenticate())
        features += `<mechanisms xmlns='${NS.sasl}'><mechanism>EXTERNAL</mechanism></mechanisms>`;
      if (this.#authenticatedAs === null) features += `<bidi xmlns='${NS.bidiFeature}'/>`;
      features += `<dialback xmlns='${NS.dialbackFeature}'><errors/></dialback>`;
    }
    this.send(`<stream:features>${features}</stream:features>`);
  }

  #canAuthenticate(): boolean {
    return this.#authenticatedAs === null && this.remote !== null && this.peerProves(this.remote);
  }

  #startTls(element: Stanza): void {
    if (element.name !== 'starttls') return this.fail('unsupported-stanza-type');
    if (this.transport.secure || this.pairs > 0) {
      this.send(`<failure xmlns='${NS.tls}'/>`);
      return this.close();
    }
    this.#opening = true;
    this.bidirectional = false;
    // RFC 6120 §5.4.3.1 rule 4: the certificate is that of the domain which the header asks for
    this.transport.startTls(`<proceed xmlns='${NS.tls}'/>`, this.local);
  }

  #sasl(element: Stanza): void {
    if (this.#authenticatedAs !== null || !this.#modern) return this.fail('not-authorized');
    const text = element.element.getText().trim();
    if (element.name === 'auth') {
      if (!this.transport.secure) return this.#refuse('encryption-required');
      if (element.attribute('mechanism') !== 'EXTERNAL') return this.#refuse('invalid-mechanism');
      if (text === '') {
        // RFC 4422 §3.3: without an initial response the server sends an empty challenge
        this.#challenged = true;
        this.send(`<challenge xmlns='${NS.sasl}'/>`);
        return;
      }
      return this.#authenticate(text === '=' ? '' : text);
    }
    if (element.name === 'response' && this.#challenged) {
      this.#challenged = false;
      return this.#authenticate(text === '=' ? '' : text);
    }
    if (element.name === 'abort') {
      this.#challenged = false;
      return this.#refuse('aborted');
    }
    this.#refuse('malformed-request');
  }

  #authenticate(base64: string): void {
    const octets = decodeBase64Strict(base64);
    if (octets === null) return this.#refuse('incorrect-encoding');
    const text = octets.toString('utf8');
    // XEP-0178 §3 step 11: the stream's `from` counts; an authorization identity may only repeat it
    const wanted = text === '' ? this.remote : prepareDomain(text);
    if (wanted === null || (this.remote !== null && wanted !== this.remote))
      return this.#refuse('invalid-authzid');
    if (this.context.serves(wanted) || this.context.policy.ruleFor(wanted) === 'refuse')
      return this.#refuse('not-authorized');
    if (!this.peerProves(wanted)) return this.#refuse('not-authorized');
    this.#authenticatedAs = wanted;
    this.remote = wanted;
    this.context.log.info(
      { code: 's2s.authenticated', remote: wanted, local: this.local, by: 'EXTERNAL' },
      'another server is authenticated',
    );
    this.send(`<success xmlns='${NS.sasl}'/>`);
    this.#opening = true;
    this.transport.expectRestart();
  }

  #refuse(condition: string): void {
    this.context.log.warn(
      {
        code: 's2s.authentication-failed',
        remote: this.remote,
        condition,
        address: this.transport.remoteAddress,
      },
      'another server failed to authenticate',
    );
    this.send(`<failure xmlns='${NS.sasl}'><${condition}/></failure>`);
    // the stream stays for dialback, where the policy allows it (XEP-0178 §3 step 11.2)
    if (++this.#failures >= SASL_TRIES) this.fail('policy-violation', 'too many failed attempts');
  }
}

function isContent(namespace: string): boolean {
  return namespace === NS.client || namespace === NS.component;
}
