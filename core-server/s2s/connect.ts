import { connect, type Socket } from 'node:net';
import { takeDescriptor } from '../../shared/net/descriptors.js';

/** RFC 8305 §8: how long one attempt is alone before the next address is tried beside it. */
const STAGGER_MILLISECONDS = 250;

/**
 * Connects to the first address that answers: attempts begin one after the other, a quarter of a second apart or as soon
 * as one fails, and the first connection wins (RFC 8305 §5). Null when none answered within `milliseconds`, or none may
 * be opened.
 */
export function connectToFirst(
  addresses: readonly string[],
  port: number,
  milliseconds: number,
  mayOpen: () => boolean = takeDescriptor,
): Promise<Socket | null> {
  return new Promise((resolve) => {
    const pending = new Set<Socket>();
    let next = 0;
    let stagger: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => finish(null), milliseconds);

    function finish(winner: Socket | null): void {
      clearTimeout(deadline);
      clearTimeout(stagger);
      pending.delete(winner as Socket);
      for (const socket of pending) socket.destroy();
      pending.clear();
      resolve(winner);
    }

    function attempt(): void {
      clearTimeout(stagger);
      const address = addresses[next++];
      if (address === undefined || !mayOpen()) {
        if (pending.size === 0) finish(null);
        return;
      }
      const socket = connect({ host: address, port, noDelay: true, keepAlive: true });
      pending.add(socket);
      const failed = () => {
        if (!pending.delete(socket)) return;
        socket.destroy();
        attempt();
      };
      socket.once('error', failed);
      socket.once('connect', () => {
        if (!pending.has(socket)) return;
        socket.off('error', failed);
        socket.on('error', () => {});
        finish(socket);
      });
      stagger = setTimeout(attempt, STAGGER_MILLISECONDS);
    }

    attempt();
  });
}
