import fc from 'fast-check';
import type { Target, Write } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import { remove, upsert } from './sink-contract-model.ts';

/** One key's change: a new value of the row, or its delete. */
type Change =
  { readonly key: number; readonly value: string | null } | { readonly key: number; readonly gone: true };

/** A random history and one random way of delivering it: every change at least once, in any order, in any batches. */
export interface Delivery {
  readonly history: readonly Change[];
  readonly order: readonly number[];
  /** The most writes in a batch; a key comes at most once in each, as the runtime promises. */
  readonly batchSize: number;
}

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key: fc.nat(3), value: fc.option(fc.string({ maxLength: 6 })) }) },
  { weight: 2, arbitrary: fc.record({ key: fc.nat(3), gone: fc.constant(true as const) }) },
);

export const deliveries: fc.Arbitrary<Delivery> = fc
  .array(change, { minLength: 2, maxLength: 12 })
  .chain((history) => {
    const all = history.map((_, index) => index);
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

/** The writes of a delivery in their batches. `run` keeps the keys of different deliveries apart. */
export function batchesOf(target: Target, delivery: Delivery, run: number): Write[][] {
  const writes = delivery.history.map((entry, step) => {
    const id = BigInt(run * 10 + entry.key);
    return 'gone' in entry
      ? remove(target, { id }, step)
      : upsert(target, { id, name: entry.value, step }, step);
  });
  const batches: Write[][] = [];
  let keys = new Set<string>();
  for (const index of delivery.order) {
    const write = writes[index];
    if (write === undefined) throw new RangeError(`no change ${index} in the history`);
    const key = keyText(target.table.key, write.key);
    const open = batches.at(-1);
    if (open === undefined || open.length >= delivery.batchSize || keys.has(key)) {
      batches.push([write]);
      keys = new Set([key]);
    } else {
      open.push(write);
      keys.add(key);
    }
  }
  return batches;
}
