/** Sustained input of one stream: a bucket of two seconds' worth of bytes. */
export class InputRate {
  readonly #perSecond: number;
  readonly #refilled: () => void;
  #allowance: number;
  #since = performance.now();
  /** The bucket is empty: the kernel's buffer makes the peer wait. */
  spent = false;

  /** `refilled` is called when reading may go on after it was {@link spent}. */
  constructor(perSecond: number, refilled: () => void) {
    this.#perSecond = perSecond;
    this.#allowance = perSecond * 2;
    this.#refilled = refilled;
  }

  /** Takes bytes out of the bucket. True: it has just run empty. */
  spend(bytes: number): boolean {
    const rate = this.#perSecond;
    const now = performance.now();
    this.#allowance = Math.min(rate * 2, this.#allowance + ((now - this.#since) / 1000) * rate) - bytes;
    this.#since = now;
    if (this.#allowance >= 0 || this.spent) return false;
    this.spent = true;
    const timer = setTimeout(
      () => {
        this.spent = false;
        this.#refilled();
      },
      Math.ceil((-this.#allowance / rate) * 1000),
    );
    timer.unref();
    return true;
  }
}
