import fc from 'fast-check';
import type { Target, Write } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import type { Position } from '../schemas/position.ts';
import { positionAt, remove, upsert } from './sink-contract-model.ts';

const PARTITIONS = [0, 1];

/** One record of a table's history; key `n` lies in partition `n % 2`, a truncate in both. */
type Change =
  | { readonly key: number; readonly value: string | null }
  | { readonly key: number; readonly gone: true }
  | { readonly truncate: true };

/** One read of a partition: first `back` records backwards, as after a restart, then `count` records. */
interface Fetch {
  readonly partition: number;
  readonly back: number;
  readonly count: number;
  /** Shares the bulk request of the fetch before it. */
  readonly isJoined: boolean;
}

/** A history with truncates, and the ways in which two members of a group read it; each reads all of it at last. */
export interface TruncatedHistory {
  readonly changes: readonly Change[];
  readonly readers: readonly (readonly Fetch[])[];
}

/** What the runtime asks of a sink for one bulk request: the writes, and then the newest truncate. */
export interface Request {
  readonly writes: readonly Write[];
  readonly truncate: Position | null;
}

/** Keys of one history. Each has a random history of its own, and they share the truncates. */
const KEYS = 40;
/** Property runs, so that a store sees the histories of 500 keys. */
export const TRUNCATE_RUNS = 13;

const key = fc.nat(KEYS - 1);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 50, arbitrary: fc.record({ key, value: fc.option(fc.string({ maxLength: 6 })) }) },
  { weight: 20, arbitrary: fc.record({ key, gone: fc.constant(true as const) }) },
  { weight: 3, arbitrary: fc.record({ truncate: fc.constant(true as const) }) },
);

const fetch: fc.Arbitrary<Fetch> = fc.record({
  partition: fc.constantFrom(...PARTITIONS),
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(80) }),
  count: fc.integer({ min: 1, max: 40 }),
  isJoined: fc.boolean(),
});

export const truncatedHistories: fc.Arbitrary<TruncatedHistory> = fc.record({
  changes: fc.array(change, { minLength: 2, maxLength: KEYS * 4, size: 'max' }),
  readers: fc.array(fc.array(fetch, { maxLength: 6 }), { minLength: 2, maxLength: 2 }),
});

/** A history with positions and keys that no run before it had. */
export interface Records {
  readonly writes: readonly Write[];
  readonly truncates: readonly Position[];
  /** By partition, in order. */
  readonly logs: readonly (readonly (Write | Position)[])[];
}

/** Steps of one run of a history; the positions of a later run are all above those of an earlier one. */
const RUN_STEPS = 1_000;

export function recordsOf(target: Target, changes: readonly Change[], run: number): Records {
  const records = changes.map((entry, index) => {
    const step = run * RUN_STEPS + index;
    if ('truncate' in entry) return { partition: null, record: positionAt(step) };
    const id = BigInt(run * KEYS + entry.key);
    const write =
      'gone' in entry
        ? remove(target, { id }, step)
        : upsert(target, { id, name: entry.value, step: index }, step);
    return { partition: entry.key % PARTITIONS.length, record: write };
  });
  const all = records.map(({ record }) => record);
  return {
    writes: all.filter((record) => typeof record !== 'string'),
    truncates: all.filter((record) => typeof record === 'string'),
    logs: PARTITIONS.map((number) =>
      records
        .filter(({ partition }) => partition === null || partition === number)
        .map(({ record }) => record),
    ),
  };
}

/** The bulk requests of one reader: its fetches, and then the rest of each partition. */
export function requestsOf(target: Target, { logs }: Records, fetches: readonly Fetch[]): Request[] {
  const next = PARTITIONS.map(() => 0);
  const rest = PARTITIONS.map((partition) => ({ partition, back: 0, count: Infinity, isJoined: false }));
  const batches: (Write | Position)[][] = [];
  for (const { partition, back, count, isJoined } of [...fetches, ...rest]) {
    const start = Math.max(0, (next[partition] ?? 0) - back);
    const records = logs[partition]?.slice(start, start + count) ?? [];
    next[partition] = start + records.length;
    const open = batches.at(-1);
    if (open === undefined || !isJoined) batches.push([...records]);
    else open.push(...records);
  }
  return batches.map((batch) => requestOf(target, batch));
}

function requestOf(target: Target, batch: readonly (Write | Position)[]): Request {
  const newest = new Map<string, Write>();
  for (const record of batch) {
    if (typeof record === 'string') continue;
    const key = keyText(target.table.key, record.key);
    if ((newest.get(key)?.position ?? '') <= record.position) newest.set(key, record);
  }
  const truncates = batch.filter((record) => typeof record === 'string').toSorted();
  return { writes: [...newest.values()], truncate: truncates.at(-1) ?? null };
}
