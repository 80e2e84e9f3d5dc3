/** The trend of samples in time: how much its level grows from the first to the last, as a share of the level. */
interface Trend {
  /** Median of the lowest value of each window. */
  readonly level: number;
  /** Growth over the whole time by the slope, divided by the level; negative where it shrinks. */
  readonly growth: number;
}

/**
 * A robust trend: samples are cut into windows of equal numbers, of each the lowest counts (what a process holds between bursts),
 * and the slope is the median of the slopes between all pairs of windows (Theil–Sen), so that no single burst decides.
 */
export function trendOf(samples: readonly number[], windows: number): Trend {
  const size = Math.max(1, Math.floor(samples.length / windows));
  const lows: number[] = [];
  for (let at = 0; at + size <= samples.length; at += size)
    lows.push(Math.min(...samples.slice(at, at + size)));
  const level = median(lows);
  const slopes: number[] = [];
  for (let i = 0; i < lows.length; i++)
    for (let j = i + 1; j < lows.length; j++) slopes.push(((lows[j] ?? 0) - (lows[i] ?? 0)) / (j - i));
  const growth = slopes.length === 0 || level === 0 ? 0 : (median(slopes) * (lows.length - 1)) / level;
  return { level, growth };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}
