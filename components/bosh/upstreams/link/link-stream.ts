import { creditWindow, ReceiveCredit, SendCredit } from '../../../../shared/client-link/credit.js';
import {
  integerOf,
  type Operation,
  type OperationWriter,
} from '../../../../shared/client-link/operations.js';
import { Stanza } from '../../../../shared/xml/stanza.js';
import { NS } from '../../../../shared/xmpp/namespaces.js';
import { serverElement } from '../server-element.js';
import type {
  ClientEnd,
  ClientHeader,
  ClientOrigin,
  ServerElement,
  UpstreamEnd,
  UpstreamEvents,
  UpstreamStream,
} from '../upstream.js';

const openMilliseconds = 30_000;
/** §8: how long a client may take to fetch what the server sent before it closed. */
const deliverMilliseconds = 30_000;

/** What a stream needs of its link. */
export interface LinkWriter {
  readonly operations: OperationWriter;
  /** Queues an operation that costs credit. False: the link is full; the text was not taken. */
  send(text: string): boolean;
  /** Queues any other operation: if the link is full, ahead of everything that waits for room. */
  control(text: string): void;
  /** Has `resumed` called, in turn with others, when the link takes more. */
  waitForRoom(stream: LinkStream): void;
  /** Has `tellAcknowledged` called in a while. */
  tellLater(stream: LinkStream): void;
  /** The stream's name is free to be forgotten. */
  gone(stream: LinkStream): void;
}

/** One client's stream on the client link (docs/protocols/client-link.md), at the front's end. */
export class LinkStream implements UpstreamStream {
  readonly name: string;
  readonly #link: LinkWriter;
  readonly #events: UpstreamEvents;
  readonly #send: SendCredit;
  readonly #receive = new ReceiveCredit(creditWindow);
  /** `ended`: the server has closed, our `close` with the last `h` is due. `closed`: we have closed, its answer is due. */
  #state: 'opening' | 'open' | 'ended' | 'closed' | 'gone' = 'opening';
  readonly #waiting: string[] = [];
  #full = false;
  /** The client has left in order; what it sent before is still waiting for credit. */
  #leaving = false;
  #timer: NodeJS.Timeout | undefined;
  /** §7: elements that have reached the client, and what the server knows of that. */
  #acknowledged = 0;
  #told = 0;

  constructor(name: string, link: LinkWriter, options: { credit: number; events: UpstreamEvents }) {
    this.name = name;
    this.#link = link;
    this.#events = options.events;
    this.#send = new SendCredit(options.credit);
  }

  open(header: ClientHeader, origin: ClientOrigin): void {
    this.#timer = setTimeout(() => {
      this.#close('connection-lost');
      this.#events.ended('remote-connection-failed');
    }, openMilliseconds);
    this.#control(
      this.#link.operations.write('open', this.name, {
        ...headerAttributes(header),
        transport: origin.transport,
        address: origin.address,
        secure: origin.secure,
        credit: creditWindow,
      }),
    );
  }

  // ---- from the server

  receive(operation: Operation): void {
    switch (operation.name) {
      case 'opened':
        return this.#opened(operation);
      case 'data':
        return this.#data(operation);
      case 'credit':
        this.#send.grant(integerOf(operation, 'bytes') ?? 0);
        return this.resumed();
      case 'close':
        return this.#closedByServer(operation.attributes.get('condition'));
      default:
        // Operations of the front only: a server that sends them is not one.
        return this.#violated();
    }
  }

  #opened({ attributes }: Operation) {
    if (this.#state === 'opening') {
      this.#state = 'open';
      clearTimeout(this.#timer);
    }
    if (this.#state !== 'open') return;
    this.#events.opened({
      id: attributes.get('id'),
      from: attributes.get('from'),
      version: attributes.get('version'),
      lang: attributes.get('xml:lang'),
    });
  }

  #data({ content, bytes }: Operation) {
    if (this.#state !== 'open' || this.#leaving) return;
    if (!this.#receive.receive(bytes)) return this.#violated();
    this.#events.element(elementOf(content, bytes));
  }

  #closedByServer(condition: string | undefined) {
    clearTimeout(this.#timer);
    if (this.#state === 'closed' || this.#leaving) return this.#gone();
    if (this.#state !== 'open' && this.#state !== 'opening') return;
    this.#state = 'ended';
    this.#timer = setTimeout(() => this.close('closed'), deliverMilliseconds);
    this.#events.ended(endOf(condition));
  }

  #violated(): void {
    this.#close('policy-violation');
    this.#events.ended('internal-server-error');
  }

  /** The link is lost, and the stream with it (§8.2). */
  lost(): void {
    const told = !this.#leaving && (this.#state === 'open' || this.#state === 'opening');
    this.#gone();
    if (told) this.#events.ended('remote-connection-failed');
  }

  // ---- from the client

  send(text: string): boolean {
    if (this.#state !== 'open' && this.#state !== 'opening') return true;
    if (this.#waiting.length > 0 || !this.#trySend(text)) {
      this.#waiting.push(text);
      return false;
    }
    return this.#send.available;
  }

  #trySend(text: string): boolean {
    if (!this.#send.available || this.#full) return false;
    const h = this.#acknowledged > this.#told ? this.#acknowledged : undefined;
    if (!this.#link.send(this.#link.operations.data(this.name, text, h))) {
      this.#full = true;
      this.#link.waitForRoom(this);
      return false;
    }
    this.#told = this.#acknowledged;
    this.#send.spend(Buffer.byteLength(text));
    return true;
  }

  /** There is room on the link again: sends one element, so that others get their turn. True: more wait for room. */
  takeTurn(): boolean {
    this.#full = false;
    const text = this.#waiting[0];
    if (text === undefined || this.#state === 'gone') return false;
    if (!this.#trySend(text)) return false;
    this.#waiting.shift();
    if (this.#waiting.length > 0) return this.#send.available;
    this.#emptied();
    return false;
  }

  /** There is credit again. */
  resumed(): void {
    while (this.#waiting.length > 0) {
      const text = this.#waiting[0] ?? '';
      if (!this.#trySend(text)) return;
      this.#waiting.shift();
    }
    this.#emptied();
  }

  /** Nothing waits any more. */
  #emptied(): void {
    if (this.#state !== 'open' && this.#state !== 'opening') return;
    if (this.#leaving) this.#close('closed');
    else if (this.#send.available && !this.#full) this.#events.writable();
  }

  restart(header: ClientHeader): void {
    this.#control(this.#link.operations.write('restart', this.name, headerAttributes(header)));
  }

  taken(bytes: number): void {
    if (this.#state !== 'open') return;
    const grant = this.#receive.dispose(bytes);
    if (grant > 0) this.#tell(grant);
  }

  acknowledged(count: number): void {
    if (count <= this.#acknowledged) return;
    this.#acknowledged = count;
    if (this.#state !== 'open') return;
    this.#link.tellLater(this);
  }

  /** Acknowledgements travel with data or credit; where neither was due for a while, alone. */
  tellAcknowledged(): void {
    if (this.#state === 'open' && this.#acknowledged > this.#told) this.#tell(this.#receive.take());
  }

  #tell(bytes: number): void {
    if (this.#state !== 'open') return;
    this.#told = this.#acknowledged;
    this.#control(this.#link.operations.write('credit', this.name, { bytes, h: this.#acknowledged }));
  }

  close(end: ClientEnd): void {
    if (this.#state === 'ended') {
      this.#control(this.#link.operations.write('close', this.name, { h: this.#acknowledged }));
      this.#gone();
    } else if (this.#state === 'open' || this.#state === 'opening') {
      if (end !== 'closed' || this.#waiting.length === 0) return this.#close(end);
      this.#leaving = true;
      this.#timer = setTimeout(() => this.#close('closed'), openMilliseconds);
    }
  }

  #close(end: ClientEnd): void {
    clearTimeout(this.#timer);
    this.#state = 'closed';
    const condition = end === 'closed' ? undefined : end;
    this.#control(this.#link.operations.write('close', this.name, { condition, h: this.#acknowledged }));
    this.#timer = setTimeout(() => this.#gone(), openMilliseconds);
  }

  #control(text: string): void {
    if (this.#state !== 'gone') this.#link.control(text);
  }

  #gone(): void {
    clearTimeout(this.#timer);
    this.#state = 'gone';
    this.#waiting.length = 0;
    this.#link.gone(this);
  }
}

/** What a client says of itself, unless it is too long to be one: an operation must fit the link whatever it says. */
function headerAttributes({ to, from, version, lang }: ClientHeader) {
  return {
    to: upTo(1023, to),
    from: upTo(3071, from),
    version: upTo(16, version),
    'xml:lang': upTo(64, lang),
  };
}

function upTo(length: number, text: string | undefined): string | undefined {
  return text !== undefined && text.length <= length ? text : undefined;
}

const streamsNamespace = new RegExp(
  `^<(?:\\w+:)?(?:features|error)[^>]*${NS.streams.replaceAll('.', '\\.')}`,
);

/** The element inside `data`: handed on as it is, but for features and errors, whose prefix old clients depend on. */
function elementOf(text: string, bytes: number): ServerElement {
  if (!streamsNamespace.test(text)) return { kind: 'other', text, bytes };
  // The core offers nothing on a link that it does not mean to.
  return serverElement(Stanza.parse(text), { allowPlain: true }, bytes);
}

const ends: ReadonlyMap<string, UpstreamEnd> = new Map([
  ['host-unknown', 'host-unknown'],
  ['host-gone', 'host-gone'],
  ['policy-violation', 'internal-server-error'],
  ['internal-server-error', 'internal-server-error'],
  ['system-shutdown', 'system-shutdown'],
]);

/** §8, second table. */
function endOf(condition: string | undefined): UpstreamEnd {
  return condition === undefined ? undefined : (ends.get(condition) ?? 'remote-connection-failed');
}
