import fc from 'fast-check';
import type { Target, Write } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import { historyWrite, keyChanges, keyWritesOf, type KeyChange } from './sink-contract-key-changes.ts';

/** A random history and one random way of delivering it: every write at least once, in any order, in any batches. */
export interface Delivery {
  readonly history: readonly KeyChange[];
  /** Places in the list of the history's writes. */
  readonly order: readonly number[];
  /** The most writes in a batch; a key comes at most once in each, as the runtime promises. */
  readonly batchSize: number;
}

/** Histories in one property run: their batches share requests, which is what makes 500 of them affordable. */
const HISTORIES = 25;
/** Property runs, so that a store sees 500 histories. */
export const HISTORY_RUNS = 20;
/** Of two writers at once; each run waits for both. */
export const CONCURRENT_RUNS = 8;
const KEYS = 4;

const delivery: fc.Arbitrary<Delivery> = fc
  .array(keyChanges(KEYS), { minLength: 2, maxLength: 12 })
  .chain((history) => {
    const all = history.flatMap(keyWritesOf).map((_, place) => place);
    return fc.record({
      history: fc.constant(history),
      order: fc
        .array(fc.constantFrom(...all), { maxLength: 8 })
        .chain((repeated) =>
          fc.shuffledSubarray([...all, ...repeated], { minLength: all.length + repeated.length }),
        ),
      batchSize: fc.integer({ min: 1, max: 5 }),
    });
  });

export const deliveries: fc.Arbitrary<readonly Delivery[]> = fc.array(delivery, {
  minLength: HISTORIES,
  maxLength: HISTORIES,
});

/**
 * Batch `n` of all deliveries is one batch. The last two go to the second target, whose composite keys MongoDB's stand-in
 * finds slowly. `run` keeps the keys of different runs apart.
 */
export function batchesOf(
  [plain, composite = plain]: readonly [Target, Target?],
  all: readonly Delivery[],
  run: number,
): Write[][] {
  const each = all.map((one, place) =>
    ownBatches(place < HISTORIES - 2 ? plain : composite, one, (run * HISTORIES + place) * KEYS),
  );
  const longest = Math.max(...each.map((batches) => batches.length));
  return Array.from({ length: longest }, (_, number) => each.flatMap((batches) => batches[number] ?? []));
}

function ownBatches(target: Target, { history, order, batchSize }: Delivery, firstId: number): Write[][] {
  const writes = history
    .flatMap(keyWritesOf)
    .map((entry, step) => historyWrite(target, entry, { id: firstId + entry.key, step, mark: step }));
  const batches: Write[][] = [];
  let keys = new Set<string>();
  for (const place of order) {
    const write = writes[place];
    if (write === undefined) throw new RangeError(`no write ${place} in the history`);
    const text = keyText(target.table.key, write.key);
    const open = batches.at(-1);
    if (open === undefined || open.length >= batchSize || keys.has(text)) {
      batches.push([write]);
      keys = new Set([text]);
    } else {
      open.push(write);
      keys.add(text);
    }
  }
  return batches;
}
