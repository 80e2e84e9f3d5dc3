import type { BodyRequest } from './body-request.js';
import type { Exchange } from './exchange.js';

/** A request that has not been answered yet: held, or waiting for one with a lower rid. */
export class HeldRequest {
  readonly request: BodyRequest;
  readonly rid: number;
  exchange: Exchange;
  /** Must be answered now, whether there is anything to say or not. */
  due = false;
  /** It had nothing to say. */
  readonly isEmpty: boolean;
  /** Copies of it that came while it was not answered. */
  repeats = 0;
  /** When the client's `wait` is over, by the monotonic clock in milliseconds; infinite: it does not wait, or no more. */
  expiresAt = Number.POSITIVE_INFINITY;

  constructor(request: BodyRequest, rid: number, exchange: Exchange) {
    this.request = request;
    this.rid = rid;
    this.exchange = exchange;
    this.isEmpty = request.payloads.length === 0 && !request.restart;
  }

  /** What its payloads take until they are forwarded. */
  get characters(): number {
    return this.request.payloads.reduce((sum, payload) => sum + payload.length, 0);
  }

  /** §"Overactivity" allows one more request to a client that pauses or terminates. */
  get isPauseOrEnd(): boolean {
    return this.request.pause !== undefined || this.request.type === 'terminate';
  }
}
