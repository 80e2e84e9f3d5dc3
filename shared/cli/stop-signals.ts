/**
 * How long after the first signal another one is the same request, ms. A terminal's Ctrl-C (and some supervisors' stop)
 * reaches the whole process group, and npm, which is in it, passes it on to us once more.
 */
const SAME_REQUEST_MILLISECONDS = 1_000;

/**
 * Calls `stop` with the first SIGTERM or SIGINT, and again only with one that somebody sent later because it takes too long.
 * `isOurs` leaves signals to somebody else.
 */
export function onStopSignal(
  stop: (signal: NodeJS.Signals) => void,
  isOurs: (signal: NodeJS.Signals) => boolean = () => true,
): void {
  let first: number | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    if (!isOurs(signal)) return;
    const now = performance.now();
    if (first !== undefined && now - first < SAME_REQUEST_MILLISECONDS) return;
    first ??= now;
    stop(signal);
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}
