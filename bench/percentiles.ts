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
