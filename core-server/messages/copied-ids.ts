import { detachedCopy } from '../../shared/xml/names.js';

const REMEMBERED = 64;
/** A longer one is not remembered: whoever makes up such ids is not to fill the memory with them. */
const LONGEST = 256;

/** The ids of an account's last copied messages, so that errors in response to them are copied too (XEP-0280 §6.1). */
export class CopiedIds {
  readonly #ids: string[] = [];

  add(id: string): void {
    if (id.length > LONGEST) return;
    // not as a slice of the message
    this.#ids.push(detachedCopy(id));
    if (this.#ids.length > REMEMBERED) this.#ids.shift();
  }

  has(id: string): boolean {
    return this.#ids.includes(id);
  }
}
