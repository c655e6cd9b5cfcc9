import fc from 'fast-check';
import { collapse } from '../consumers/collapse.ts';
import type { Target, Write } from '../consumers/sink.ts';
import type { ChangeEvent, EventSource } from '../schemas/change-event.ts';
import type { Position } from '../schemas/position.ts';
import { historyWrite, keyChanges, keyWritesOf, type KeyChange } from './sink-contract-key-changes.ts';
import { positionAt } from './sink-contract-model.ts';

const PARTITIONS = [0, 1];

/** One change of a table; key `n` lies in partition `n % 2`, a truncate in both. */
type Change = KeyChange | { readonly truncate: true };

/** One read of a partition: first `back` records backwards, as after a restart, then `count` records. */
interface Fetch {
  readonly partition: number;
  readonly back: number;
  readonly count: number;
  /** Shares the bulk request of the fetch before it. */
  readonly isJoined: boolean;
}

/** A history with truncates, and the ways in which three members of a group read it. */
export interface TruncatedHistory {
  readonly changes: readonly Change[];
  readonly readers: readonly [readonly Fetch[], readonly Fetch[], readonly Fetch[]];
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

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 25, arbitrary: keyChanges(KEYS) },
  { weight: 1, arbitrary: fc.record({ truncate: fc.constant(true as const) }) },
);

const fetch: fc.Arbitrary<Fetch> = fc.record({
  partition: fc.constantFrom(...PARTITIONS),
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(80) }),
  count: fc.integer({ min: 1, max: 40 }),
  isJoined: fc.boolean(),
});

const reader = fc.array(fetch, { maxLength: 6 });

export const truncatedHistories: fc.Arbitrary<TruncatedHistory> = fc.record({
  changes: fc.array(change, { minLength: 2, maxLength: KEYS * 4, size: 'max' }),
  readers: fc.tuple(reader, reader, reader),
});

/** A history with positions and keys that no run before it had. */
export interface Records {
  readonly target: Target;
  readonly writes: readonly Write[];
  readonly truncates: readonly Position[];
  /** By partition, in order. */
  readonly logs: readonly (readonly ChangeEvent[])[];
}

/** Steps of one run of a history; the positions of a later run are all above those of an earlier one. */
const RUN_STEPS = 1_000;

export function recordsOf(target: Target, changes: readonly Change[], run: number): Records {
  const entries = changes.flatMap((entry) => ('truncate' in entry ? [null] : keyWritesOf(entry)));
  const records = entries.map((entry, mark) => {
    const step = run * RUN_STEPS + mark;
    if (entry === null) return { partition: null, step, write: null };
    const write = historyWrite(target, entry, { id: run * KEYS + entry.key, step, mark });
    return { partition: entry.key % PARTITIONS.length, step, write };
  });
  return {
    target,
    writes: records.flatMap(({ write }) => (write === null ? [] : [write])),
    truncates: records.flatMap(({ write, step }) => (write === null ? [positionAt(step)] : [])),
    logs: PARTITIONS.map((number) =>
      records
        .filter(({ partition }) => partition === null || partition === number)
        .map(({ step, write }) => eventOf(target, write, step)),
    ),
  };
}

/** The fetches, and behind them what is left of each partition. */
export function toTheEnd(fetches: readonly Fetch[]): Fetch[] {
  return [
    ...fetches,
    ...PARTITIONS.map((partition) => ({ partition, back: 0, count: Infinity, isJoined: false })),
  ];
}

/** The bulk requests of one reader, as the runtime makes them. */
export function requestsOf({ target, logs }: Records, fetches: readonly Fetch[]): Request[] {
  const next = PARTITIONS.map(() => 0);
  const batches: ChangeEvent[][] = [];
  for (const { partition, back, count, isJoined } of fetches) {
    const start = Math.max(0, (next[partition] ?? 0) - back);
    const records = logs[partition]?.slice(start, start + count) ?? [];
    next[partition] = start + records.length;
    const open = batches.at(-1);
    if (open === undefined || !isJoined) batches.push([...records]);
    else open.push(...records);
  }
  return batches.map((batch) => {
    const { writes, truncates } = collapse(batch.map((event) => ({ target, event })));
    return { writes, truncate: truncates[0]?.position ?? null };
  });
}

const SOURCE: EventSource = { name: 'contract', db: 'contract', txId: 1, lsn: 0n, tsUs: 0, snapshot: false };

function eventOf({ table }: Target, write: Write | null, step: number): ChangeEvent {
  const common = { table, before: null, after: null, position: positionAt(step), source: SOURCE, tsMs: 0 };
  if (write === null) return { ...common, op: 't', key: {} };
  if (write.op === 'delete') return { ...common, op: 'd', key: write.key };
  return { ...common, op: write.isNew === true ? 'c' : 'u', key: write.key, after: write.row };
}
