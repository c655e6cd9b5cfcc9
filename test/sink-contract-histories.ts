import fc from 'fast-check';
import type { Target, Write } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import { remove, upsert } from './sink-contract-model.ts';

/** One change of a history's rows: a new value of a row, its delete, or its move to another key, which is two writes. */
type Change =
  | { readonly key: number; readonly value: string | null }
  | { readonly key: number; readonly gone: true }
  | { readonly key: number; readonly to: number; readonly value: string | null };

/** A random history and one random way of delivering it: every write at least once, in any order, in any batches. */
export interface Delivery {
  readonly history: readonly Change[];
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

const key = fc.nat(KEYS - 1);
const value = fc.option(fc.string({ maxLength: 6 }));
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, value }) },
  { weight: 2, arbitrary: fc.record({ key, gone: fc.constant(true as const) }) },
  { weight: 1, arbitrary: fc.record({ key, to: key, value }).filter((move) => move.key !== move.to) },
);

const delivery: fc.Arbitrary<Delivery> = fc
  .array(change, { minLength: 2, maxLength: 12 })
  .chain((history) => {
    const all = history.flatMap(writesIn).map((_, place) => place);
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

/** Batch `n` of all deliveries is one batch. `run` keeps the keys of different runs apart. */
export function batchesOf(target: Target, all: readonly Delivery[], run: number): Write[][] {
  const each = all.map((one, place) => ownBatches(target, one, (run * HISTORIES + place) * KEYS));
  const longest = Math.max(...each.map((batches) => batches.length));
  return Array.from({ length: longest }, (_, number) => each.flatMap((batches) => batches[number] ?? []));
}

interface KeyWrite {
  readonly key: number;
  /** Undefined for a delete. */
  readonly value?: string | null;
}

/** Postgres tells a change of the primary key as a delete and an insert. */
function writesIn(entry: Change): KeyWrite[] {
  if ('gone' in entry) return [{ key: entry.key }];
  if ('to' in entry) return [{ key: entry.key }, { key: entry.to, value: entry.value }];
  return [entry];
}

function ownBatches(target: Target, { history, order, batchSize }: Delivery, firstId: number): Write[][] {
  const writes = history.flatMap(writesIn).map((entry, step) => {
    const id = BigInt(firstId + entry.key);
    return entry.value === undefined
      ? remove(target, { id }, step)
      : upsert(target, { id, name: entry.value, step }, step);
  });
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
