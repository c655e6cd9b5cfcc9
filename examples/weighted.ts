import type { Random } from './random.ts';

/** One of the list, in proportion to the weights. */
export function pickWeighted<T extends { weight: number }>(random: Random, list: readonly T[]): T {
  let rest = random.next() * totalWeight(list);
  for (const entry of list) {
    rest -= entry.weight;
    if (rest < 0) return entry;
  }
  // Rounding can leave a remainder of nearly nothing.
  return random.pick(list);
}

const totals = new WeakMap<object, number>();

/** A generator asks for the same sums once a row, so they are kept. */
function totalWeight(list: readonly { weight: number }[]): number {
  let total = totals.get(list);
  if (total === undefined) {
    total = list.reduce((sum, entry) => sum + entry.weight, 0);
    totals.set(list, total);
  }
  return total;
}
