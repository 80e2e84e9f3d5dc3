export interface KeepaliveTiming {
  /** Without bytes from the server for so long, it is asked whether it lives. */
  readonly idleMilliseconds: number;
  /** How long it may take to answer. */
  readonly answerMilliseconds: number;
}

/** Servers drop idle components after ten minutes (Openfire) to six hours (Prosody), NAT boxes sooner. */
export const KEEPALIVE_TIMING: KeepaliveTiming = { idleMilliseconds: 60_000, answerMilliseconds: 30_000 };

interface KeepaliveActions {
  /** Sends white space (RFC 6120 §4.6.1). */
  space(): void;
  /** Sends a ping (XEP-0199): any bytes in return will do. */
  ping(): void;
  /** Nothing came back. */
  dead(): void;
}

/** Keeps a stream alive both ways and finds a dead peer, which TCP alone notices after hours, or never. */
export class Keepalive {
  private readonly timing: KeepaliveTiming;
  private readonly actions: KeepaliveActions;
  private timer: NodeJS.Timeout | null = null;
  private heardSinceCheck = false;
  private wroteSinceCheck = false;
  private asked = false;

  constructor(timing: KeepaliveTiming, actions: KeepaliveActions) {
    this.timing = timing;
    this.actions = actions;
  }

  start(): void {
    this.stop();
    this.heardSinceCheck = false;
    this.wroteSinceCheck = false;
    this.asked = false;
    this.schedule(this.timing.idleMilliseconds);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Bytes have arrived: only a flag is set, since this is called for every chunk. */
  heard(): void {
    this.heardSinceCheck = true;
  }

  wrote(): void {
    this.wroteSinceCheck = true;
  }

  private schedule(milliseconds: number): void {
    this.timer = setTimeout(() => this.check(), milliseconds);
  }

  private check(): void {
    const { heardSinceCheck, wroteSinceCheck, asked } = this;
    this.heardSinceCheck = false;
    this.wroteSinceCheck = false;
    this.asked = false;
    if (heardSinceCheck) {
      if (!wroteSinceCheck) this.actions.space();
      this.schedule(this.timing.idleMilliseconds);
    } else if (asked) {
      this.timer = null;
      this.actions.dead();
    } else {
      this.asked = true;
      this.actions.ping();
      this.schedule(this.timing.answerMilliseconds);
    }
  }
}
