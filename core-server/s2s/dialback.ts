import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { prepareDomain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { FederationContext } from './context.js';
import { FederationFailure, failureOf } from './failure.js';
import type { ServerStream } from './server-stream.js';

/** Conditions of dialback errors (XEP-0220 §2.5). */
type DialbackError =
  | 'item-not-found'
  | 'remote-connection-failed'
  | 'remote-server-not-found'
  | 'remote-server-timeout'
  | 'policy-violation'
  | 'not-authorized'
  | 'not-acceptable'
  | 'forbidden'
  | 'resource-constraint';

const ANSWER_MILLISECONDS = 30_000;
/** Domain pairs that one stream may carry, and keys of one stream that may be verified at a time. */
const PAIRS = 200;
const VERIFYING = 20;

/** An answer that is awaited on this very stream: an unsolicited one means nothing (XEP-0220 §3.1). */
interface Awaited<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (failure: FederationFailure) => void;
  readonly timer: NodeJS.Timeout;
}

/** Server dialback on one stream, in all its roles (XEP-0220). */
export class Dialback {
  readonly #stream: ServerStream;
  readonly #context: FederationContext;
  /** As the initiating server: by our domain and theirs. */
  readonly #results = new Map<string, Awaited<void>>();
  /** As the receiving server, towards the authoritative one: by our domain, theirs and the other stream's id. */
  readonly #verifications = new Map<string, Awaited<boolean>>();
  /** Keys of this stream that are being verified, by their domain and ours. */
  readonly #verifying = new Set<string>();

  constructor(stream: ServerStream, context: FederationContext) {
    this.#stream = stream;
    this.#context = context;
  }

  get busy(): boolean {
    return this.#results.size + this.#verifications.size + this.#verifying.size > 0;
  }

  /** Step 1: asks the peer to take our stanzas. Rejects with a FederationFailure. */
  request(local: string, remote: string): Promise<void> {
    const name = `${local} ${remote}`;
    if (this.#results.has(name)) {
      return Promise.reject(
        new FederationFailure('internal-server-error', 'dialback is in progress already'),
      );
    }
    const key = this.#context.keys.make(remote, local, this.#stream.id);
    return this.#await(this.#results, name, () =>
      this.#stream.send(`<db:result${addresses(local, remote)}>${key}</db:result>`),
    );
  }

  /** Step 2: asks the peer, as the authoritative server of `remote`, about a key. */
  verify(local: string, remote: string, streamId: string, key: string): Promise<boolean> {
    const name = `${local} ${remote} ${streamId}`;
    if (this.#verifications.has(name)) {
      return Promise.reject(
        new FederationFailure('internal-server-error', 'this key is being verified already'),
      );
    }
    return this.#await(this.#verifications, name, () =>
      this.#stream.send(
        `<db:verify${addresses(local, remote)} id='${escapeAttribute(streamId)}'>${escapeAttribute(key)}</db:verify>`,
      ),
    );
  }

  receive(element: Stanza): void {
    const from = element.from === undefined ? null : prepareDomain(element.from);
    const to = element.to === undefined ? null : prepareDomain(element.to);
    if (from === null || to === null) return this.#stream.fail('improper-addressing');
    const { type } = element;
    if (element.name === 'result') {
      if (type === undefined) void this.#requested(from, to, element.element.getText().trim());
      else this.#settle(this.#results, `${to} ${from}`, element);
    } else if (element.name === 'verify') {
      const id = element.id;
      if (id === undefined) return this.#stream.fail('bad-format', 'a key to verify without an id');
      if (type === undefined) this.#answer(from, to, id, element.element.getText().trim());
      else this.#settle(this.#verifications, `${to} ${from} ${id}`, element);
    } else this.#stream.fail('unsupported-stanza-type');
  }

  /** The stream is over: what was awaited will not come. */
  end(failure: FederationFailure): void {
    for (const awaited of [this.#results, this.#verifications]) {
      for (const { timer, reject } of awaited.values()) {
        clearTimeout(timer);
        reject(failure);
      }
      awaited.clear();
    }
  }

  #await<T>(awaited: Map<string, Awaited<T>>, name: string, ask: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        awaited.delete(name);
        reject(new FederationFailure('remote-server-timeout', 'the server did not answer dialback'));
      }, ANSWER_MILLISECONDS);
      awaited.set(name, { resolve, reject, timer });
      ask();
    });
  }

  /** Step 3 or 4: an answer to us. */
  #settle<T>(awaited: Map<string, Awaited<T>>, name: string, element: Stanza): void {
    const found = awaited.get(name);
    if (found === undefined) {
      // §3.1: accepted, it would let anybody take any domain
      this.#context.log.warn(
        { code: 's2s.dialback-unsolicited', address: this.#stream.transport.remoteAddress, what: name },
        'an answer to dialback that nobody asked for was ignored',
      );
      return;
    }
    awaited.delete(name);
    clearTimeout(found.timer);
    const { resolve, reject } = found;
    const isResult = element.name === 'result';
    switch (element.type) {
      case 'valid':
        return resolve((isResult ? undefined : true) as T);
      case 'invalid':
        // §2.1.1: stanzas go back with internal-server-error
        if (isResult) reject(new FederationFailure('internal-server-error', 'dialback failed'));
        else resolve(false as T);
        return;
      default: {
        const condition = element.element.getChild('error')?.getChildElements()[0]?.getName() ?? 'unknown';
        reject(
          new FederationFailure('remote-server-timeout', `dialback error: ${condition}`, {
            unknownThere: condition === 'item-not-found',
            streamFull: isResult && condition === 'resource-constraint',
          }),
        );
      }
    }
  }

  /** We are the receiving server (§2.2.1). */
  async #requested(remote: string, local: string, key: string): Promise<void> {
    const { policy, log, serves } = this.#context;
    const stream = this.#stream;
    const refuse = (condition: DialbackError) => {
      log.info(
        { code: 's2s.dialback-refused', remote, local, condition, address: stream.transport.remoteAddress },
        'a server was refused',
      );
      this.#sendError('result', local, remote, undefined, condition);
    };
    // XEP-0288: without it the peer of a stream of ours has nothing to ask for
    if (stream.direction === 'out' && !stream.bidirectional) return stream.fail('not-authorized');
    if (!serves(local)) return refuse('item-not-found');
    if (serves(remote)) return refuse('not-acceptable');
    if (!stream.transport.secure && policy.requireTls) return refuse('policy-violation');
    const rule = policy.ruleFor(remote);
    if (rule === 'refuse') return refuse('not-authorized');
    const accept = () => {
      stream.accept(remote, local);
      this.#sendResult('result', local, remote, undefined, 'valid');
    };
    if (stream.accepts(remote, local) || stream.peerProves(remote)) return accept();
    if (rule === 'strict') return refuse('not-authorized');
    const name = `${remote} ${local}`;
    if (this.#verifying.has(name)) return; // the answer to the first will be for both
    if (stream.pairs >= PAIRS || this.#verifying.size >= VERIFYING) return refuse('resource-constraint');
    this.#verifying.add(name);
    try {
      const valid = await this.#context.verify({
        local,
        remote,
        streamId: stream.id,
        key,
        receivedOn: stream,
      });
      if (stream.closed) return;
      if (valid) return accept();
      log.warn(
        { code: 's2s.dialback-invalid', remote, local, address: stream.transport.remoteAddress },
        'a server claimed a domain that is not its own',
      );
      if (stream.pairs > 0) return refuse('forbidden');
      this.#sendResult('result', local, remote, undefined, 'invalid');
      stream.close();
    } catch (error) {
      if (!stream.closed) refuse(conditionOf(failureOf(error)));
    } finally {
      this.#verifying.delete(name);
    }
  }

  /** We are the authoritative server (§2.2.2). */
  #answer(remote: string, local: string, id: string, key: string): void {
    const { keys, policy, serves } = this.#context;
    if (!serves(local)) return this.#sendError('verify', local, remote, id, 'item-not-found');
    if (!this.#stream.transport.secure && policy.requireTls) {
      return this.#sendError('verify', local, remote, id, 'policy-violation');
    }
    const valid = keys.check(key, remote, local, id);
    this.#sendResult('verify', local, remote, id, valid ? 'valid' : 'invalid');
  }

  #sendResult(
    name: 'result' | 'verify',
    local: string,
    remote: string,
    id: string | undefined,
    type: 'valid' | 'invalid',
  ): void {
    this.#stream.send(`<db:${name}${addresses(local, remote)}${idText(id)} type='${type}'/>`);
  }

  #sendError(
    name: 'result' | 'verify',
    local: string,
    remote: string,
    id: string | undefined,
    condition: DialbackError,
  ): void {
    this.#stream.send(
      `<db:${name}${addresses(local, remote)}${idText(id)} type='error'>` +
        `<error type='cancel'><${condition} xmlns='${NS.stanzaErrors}'/></error></db:${name}>`,
    );
  }
}

function addresses(from: string, to: string): string {
  return ` from='${escapeAttribute(from)}' to='${escapeAttribute(to)}'`;
}

function idText(id: string | undefined): string {
  return id === undefined ? '' : ` id='${escapeAttribute(id)}'`;
}

/** XEP-0220 §2.5, the table. */
function conditionOf(failure: FederationFailure): DialbackError {
  if (failure.condition === 'resource-constraint') return 'resource-constraint';
  if (failure.unknownThere || failure.condition === 'remote-server-not-found')
    return 'remote-server-not-found';
  return failure.tryNext ? 'remote-connection-failed' : 'remote-server-timeout';
}
