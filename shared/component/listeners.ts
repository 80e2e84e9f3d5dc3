import type { Logger } from '../observability/types.js';

/** Handlers of one event, called in the order in which they came. One that fails costs a log line, and no other its turn. */
export class Listeners<Arguments extends unknown[]> {
  private readonly log: Logger;
  private readonly handlers: ((...args: Arguments) => void)[] = [];

  constructor(log: Logger) {
    this.log = log;
  }

  add(handler: (...args: Arguments) => void): void {
    this.handlers.push(handler);
  }

  tell(...args: Arguments): void {
    for (const handler of this.handlers) {
      try {
        handler(...args);
      } catch (error) {
        this.log.error({ code: 'component.handler-failed', error }, 'a handler failed');
      }
    }
  }
}
