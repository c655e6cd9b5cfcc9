/** A seeded source of choices: the same seed gives the same choices on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** A whole number in [low, high], both included. */
  between(low: number, high: number): number;
  /** True with the given probability (0 to 1). */
  chance(probability: number): boolean;
  /** One of the list, each as likely as the others; the list must not be empty. */
  pick<T>(list: readonly T[]): T;
}

/**
 * A `Random` of its own for each list of whole numbers, so that a row can be made from (seed, table, id) alone,
 * in any order. The numbers come from mulberry32: 32 bits of state, plenty for sample data, not for secrets.
 */
export function randomFor(...seeds: readonly number[]): Random {
  let state = 0;
  for (const seed of seeds) state = scramble(state ^ scramble(seed + 0x9e3779b9));

  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);

  return {
    next,
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => next() < probability,
    pick: (list) => elementAt(list, below(list.length)),
  };
}

function elementAt<T>(list: readonly T[], index: number): T {
  if (index >= list.length) throw new RangeError('Cannot pick from an empty list.');
  return list[index] as T;
}

/** Mixes the bits of a 32-bit word; no two words give the same result, so ids next to each other do not look alike. */
function scramble(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
