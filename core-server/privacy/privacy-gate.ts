import type { Logger } from '../../shared/observability/types.js';

/**
 * Keeps log-ins out while this core knows no rules at all although a privacy component is configured: a fresh or lost
 * rule store must not open what users had closed. Opened by the first synchronisation, or
 * after a time-out if the operator prefers service to safety.
 */
export class PrivacyGate {
  #open: boolean;

  constructor(options: {
    needed: boolean;
    timeoutMilliseconds: number;
    whenLate: 'open' | 'closed';
    log: Logger;
  }) {
    this.#open = !options.needed;
    if (this.#open || options.whenLate === 'closed') return;
    const timer = setTimeout(() => {
      if (this.#open) return;
      options.log.warn(
        { code: 'privacy.not-synchronised' },
        'no privacy component came: log-ins are open without its rules',
      );
      this.#open = true;
    }, options.timeoutMilliseconds);
    timer.unref();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    this.#open = true;
  }
}
