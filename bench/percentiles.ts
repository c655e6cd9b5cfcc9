/**
 * The values at these ranks (0.5 is the median, 1 the maximum) by the nearest-rank rule: each is a value that was
 * measured, never one between two. Throws RangeError without values.
 */
export function percentiles(values: readonly number[], ranks: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return ranks.map((rank) => {
    const value = sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)];
    if (value === undefined) throw new RangeError('no values to take a percentile of');
    return value;
  });
}

/** Milliseconds at the 50th, 95th and 99th percentile, and the longest. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Throws RangeError without values. */
export function spreadOf(values: readonly number[]): Spread {
  const [p50 = 0, p95 = 0, p99 = 0, max = 0] = percentiles(values, [0.5, 0.95, 0.99, 1]);
  return { p50, p95, p99, max };
}
