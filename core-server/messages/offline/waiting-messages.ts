import type { Stanza } from '../../../shared/xml/stanza.js';

/** What comes for a session while it is being given stored messages. */
export class WaitingMessages {
  readonly stanzas: Stanza[] = [];
  bytes = 0;
  /** Resolves when it is in the session's own queue, or handed on. */
  readonly over: Promise<void>;
  /** Says that it is. */
  letGo: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => {
      this.letGo = resolve;
    });
  }
}
