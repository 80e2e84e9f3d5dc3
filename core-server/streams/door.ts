import { networkOf } from '../../shared/net/network.js';
import { LeakyCounts } from '../rates/leaky-counts.js';

interface DoorLimits {
  /** Strangers from one network: an IPv4 address, an IPv6 /64. */
  readonly perAddress: number;
  readonly total: number;
  /** Connections that one network may try to make in a minute; 0 or absent: any number. */
  readonly attemptsPerMinute?: number;
}

/** Those at a door of ours who have not proved who they are: what they take must be bounded (XEP-0205 §4.3). */
export class Door {
  readonly #limits: DoorLimits;
  readonly #perNetwork = new Map<string, number>();
  readonly #attempts: LeakyCounts;
  #total = 0;

  constructor(limits: DoorLimits) {
    this.#limits = limits;
    this.#attempts = new LeakyCounts(limits.attemptsPerMinute ?? 0, 60_000);
  }

  get strangers(): number {
    return this.#total;
  }

  /** `exempt`: only the limit for all concerns this address. */
  hasRoom(address: string, exempt = false): boolean {
    return (
      this.#total < this.#limits.total &&
      (exempt || (this.#perNetwork.get(networkOf(address)) ?? 0) < this.#limits.perAddress)
    );
  }

  /** Counts an attempt to connect; false where there have been too many. */
  mayTry(address: string): boolean {
    const network = networkOf(address);
    if (this.#attempts.isFull(network)) return false;
    this.#attempts.add(network);
    return true;
  }

  /** Counts one more. The returned function is called when it is known who it is, or it is gone; once counts. */
  enter(address: string): () => void {
    const network = networkOf(address);
    this.#perNetwork.set(network, (this.#perNetwork.get(network) ?? 0) + 1);
    this.#total++;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#total--;
      countDown(this.#perNetwork, network);
    };
  }
}

/** Takes one from a count; what is zero is forgotten. */
export function countDown(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count <= 1) counts.delete(key);
  else counts.set(key, count - 1);
}

/** What may wait for a stranger that does not read: nobody needs to be told more than this before he says who he is. */
export function unreadByStrangers(stanzaBytes: number): number {
  return stanzaBytes * 4;
}
