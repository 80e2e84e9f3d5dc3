import type { Stanza } from '../../../shared/xml/stanza.js';
import type { Address } from '../core-harness.js';
import type { Book, Kind } from './book.js';
import { LedgerClient } from './client.js';
import type { Random } from './random.js';

/** Somebody whose messages, sent and received, are on the ledger. */
export class Chatter {
  readonly client: LedgerClient;
  readonly kind: Kind;
  readonly #book: Book;
  #sequence = 0;
  /** Called for everything that is not a message of the ledger. */
  other: ((stanza: Stanza) => void) | null = null;
  /** Called when a new session has come up, before it is available. */
  joined: (() => void) | null = null;

  constructor(options: {
    book: Book;
    address: () => Address;
    user: string;
    kind: Kind;
    random: Random;
  }) {
    const { book, address, user, kind, random } = options;
    this.kind = kind;
    this.#book = book;
    this.client = new LedgerClient({
      address,
      user,
      resource: 'r',
      managed: kind !== 'plain',
      pause: () => random.between(50, kind === 'flaky' ? 2500 : 500),
      stanza: (stanza) => this.#received(stanza),
      acknowledged: (id) => book.acknowledged(id),
      uncertain: (id) => book.uncertain(id),
      up: (resumed) => {
        book.together(user);
        if (resumed) return;
        this.joined?.();
        this.client.send('<presence/>');
      },
      down: () => book.apart(user),
    });
  }

  /** A chat message on the ledger, to somebody's bare JID. */
  say(to: { readonly user: string; readonly kind: Kind }): void {
    if (!this.client.online) return;
    this.#sequence++;
    const id = `${this.client.bare.split('@')[0]}-${this.#sequence}`;
    this.#book.sent(id, to.kind, to.user);
    this.client.send(
      `<message to='${to.user}@localhost' type='chat' id='${id}'><body>${id} &amp; ü</body></message>`,
      id,
    );
  }

  #received(stanza: Stanza): void {
    if (stanza.name === 'message' && stanza.type === 'chat' && stanza.id !== undefined)
      this.#book.delivered(stanza.id);
    else if (stanza.name === 'message' && stanza.type === 'error' && stanza.id !== undefined)
      this.#book.bounced(stanza.id, /<error.*?<([a-z-]+)/.exec(stanza.source)?.[1] ?? 'unknown');
    this.other?.(stanza);
  }
}
