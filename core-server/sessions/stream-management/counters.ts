/** XEP-0198 §4: counters wrap at 2^32. */
export const COUNTER_MODULUS = 2 ** 32;

/** The wire form of a counter. */
export function wireCount(count: number): number {
  return count % COUNTER_MODULUS;
}

/** Reads an `h`; null for anything but an unsigned 32-bit number. */
export function readCount(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value < COUNTER_MODULUS ? value : null;
}

/**
 * How many more stanzas an `h` acknowledges, given what was sent and what is acknowledged already (both unwrapped); null
 * when it claims more than was sent, or less than before.
 */
export function newlyAcknowledged(h: number, sent: number, acknowledged: number): number | null {
  const delta = (h - wireCount(acknowledged) + COUNTER_MODULUS) % COUNTER_MODULUS;
  return delta <= sent - acknowledged ? delta : null;
}
