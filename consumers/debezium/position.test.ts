import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDebeziumPositions, neighbourOf, type DebeziumPositions } from './position.ts';
import { parsePosition, type Position } from '../../schemas/position.ts';

/** What the connector writes of one change; `value` stands for the row's content, which only grows. */
interface Written {
  readonly key: number;
  readonly value: number;
  readonly source: Readonly<Record<string, unknown>>;
}

interface Change {
  readonly key: number;
  readonly lsn: bigint;
  readonly value: number;
}

/** A history of transactions that overlap: each writes its changes at LSNs of its own and ends with a commit record. */
interface Transaction {
  readonly changes: readonly Change[];
  readonly commitLsn: bigint;
}

const KEYS = 3;

/** Interleaves transactions: each number of `picks` lets one of the open ones write once more, or commit. */
function interleave(
  picks: readonly { readonly transaction: number; readonly key: number; readonly ends: boolean }[],
): Transaction[] {
  const open = new Map<number, Change[]>();
  const committed: Transaction[] = [];
  const locked = new Map<number, number>();
  let lsn = 1000n;
  const commit = (id: number) => {
    lsn += 8n;
    committed.push({ changes: open.get(id) ?? [], commitLsn: lsn });
    open.delete(id);
    for (const [key, holder] of locked) if (holder === id) locked.delete(key);
  };
  let value = 0;
  for (const { transaction, key, ends } of picks) {
    lsn += 8n;
    // A row that another transaction has written is locked until that one ends.
    if ((locked.get(key) ?? transaction) === transaction) {
      locked.set(key, transaction);
      open.set(transaction, [...(open.get(transaction) ?? []), { key, lsn, value: (value += 1) }]);
    }
    if (ends && open.has(transaction)) commit(transaction);
  }
  for (const id of open.keys()) commit(id);
  return committed;
}

/** The content of a key after the first `count` transactions. */
function valueAfter(transactions: readonly Transaction[], count: number, key: number): number {
  return (
    transactions
      .slice(0, count)
      .flatMap(({ changes }) => changes)
      .findLast((change) => change.key === key)?.value ?? 0
  );
}

/** Transactions from one place on, as they are streamed: `last` is the end of the commit before, null at the first start. */
function streamed(
  transactions: readonly Transaction[],
  from: number,
  to: number,
  last: bigint | null,
): Written[] {
  return transactions.slice(from, to).flatMap(({ changes }, place) => {
    const before = place === 0 ? last : (transactions[from + place - 1]?.commitLsn ?? null);
    return changes.map(({ key, lsn, value }) => ({ key, value, source: source(before, lsn, 'false') }));
  });
}

function source(commit: bigint | null, lsn: bigint, snapshot: string): Record<string, unknown> {
  return {
    sequence: JSON.stringify([commit === null ? null : String(commit), String(lsn)]),
    lsn: Number(lsn),
    snapshot,
  };
}

/** The snapshot of what is committed by `count` transactions; its LSN is the place where the slot begins. */
function snapshotOf(transactions: readonly Transaction[], count: number): Written[] {
  const lsn = (transactions[count - 1]?.commitLsn ?? 900n) + 4n;
  return keys().map((key) => ({
    key,
    value: valueAfter(transactions, count, key),
    source: source(null, lsn, 'true'),
  }));
}

/** An incremental snapshot's rows, read once `seen` transactions had committed, written behind the first `behind` of them. */
function incrementalOf(transactions: readonly Transaction[], seen: number, behind: number): Written[] {
  const commit = transactions[behind - 1]?.commitLsn ?? null;
  return keys().map((key) => ({
    key,
    value: valueAfter(transactions, seen, key),
    source: source(commit, (commit ?? 0n) + 4n, 'incremental'),
  }));
}

function keys(): number[] {
  return Array.from({ length: KEYS }, (_, key) => key);
}

interface Held {
  readonly position: Position;
  readonly value: number;
}

/** What a store that refuses older and equal positions holds after these records, on top of what it holds. */
function apply(
  store: Map<number, Held>,
  records: readonly Written[],
  positions: DebeziumPositions,
  firstOffset = 0,
): void {
  for (const [index, { key, value, source: from }] of records.entries()) {
    const position = positions.next('topic/0', BigInt(firstOffset + index), from);
    const held = store.get(key);
    if (held === undefined || position > held.position) store.set(key, { position, value });
  }
}

const picks = fc.array(fc.record({ transaction: fc.nat(3), key: fc.nat(KEYS - 1), ends: fc.boolean() }), {
  minLength: 1,
  maxLength: 40,
});

test('whatever the history, the newest value wins: overlaps, redelivery, incremental snapshots and replays', () => {
  fc.assert(
    fc.property(
      picks,
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      (picked, snapshotAt, againAt, seenAt, replayAt) => {
        const transactions = interleave(picked);
        const all = transactions.length;
        const start = snapshotAt % (all + 1);
        const middle = start + (againAt % (all - start + 1));
        const seen = start + (seenAt % (middle - start + 1));
        const lastBefore = (place: number) =>
          place === start ? null : (transactions[place - 1]?.commitLsn ?? null);
        // The connector dies after `middle` transactions and writes again from `seen` on.
        const records = [
          ...snapshotOf(transactions, start),
          ...streamed(transactions, start, middle, null),
          ...(middle > start ? incrementalOf(transactions, middle, middle) : []),
          ...streamed(transactions, seen, all, lastBefore(seen)),
        ];
        const expected = new Map(keys().map((key) => [key, valueAfter(transactions, all, key)]));
        const store = new Map<number, Held>();
        const positions = createDebeziumPositions();
        apply(store, records, positions);
        expect(new Map([...store].map(([key, { value }]) => [key, value]))).toEqual(expected);
        // A rebalance leads back: each record has the position that it had before.
        const first = replayAt % records.length;
        const [once, again] = [new Map<number, Held>(), new Map<number, Held>()];
        apply(once, records, createDebeziumPositions());
        apply(again, records.slice(0, first), positions);
        apply(again, records.slice(first), positions, first);
        expect(again).toEqual(once);
        // The sink goes back to any record and reads on from there, without a memory of what was before.
        const held = new Map(store);
        apply(store, records.slice(replayAt % records.length), createDebeziumPositions());
        expect(new Map([...store].map(([key, { value }]) => [key, value]))).toEqual(expected);
        apply(store, records, createDebeziumPositions());
        expect(store).toEqual(held);
      },
    ),
    { numRuns: 2000 },
  );
});

test('the rows of a second snapshot win over the first life of the connector', () => {
  fc.assert(
    fc.property(picks, fc.nat(), fc.nat(), (picked, lostAt, againAt) => {
      const transactions = interleave(picked);
      const lost = lostAt % (transactions.length + 1);
      const again = lost + (againAt % (transactions.length - lost + 1));
      const store = new Map<number, Held>();
      apply(
        store,
        [
          ...snapshotOf(transactions, 0),
          ...streamed(transactions, 0, lost, null),
          ...snapshotOf(transactions, again),
          ...streamed(transactions, again, transactions.length, null),
        ],
        createDebeziumPositions(),
      );
      for (const key of keys())
        expect(store.get(key)?.value).toBe(valueAfter(transactions, transactions.length, key));
    }),
    { numRuns: 2000 },
  );
});

test('an incremental snapshot that is written in the middle of a transaction loses against all its changes', () => {
  const positions = createDebeziumPositions();
  const row = positions.next('t/0', 0n, source(800n, 900n, 'incremental'));
  const change = positions.next('t/0', 1n, source(800n, 900n, 'false'));
  expect(row < change).toBe(true);
  expect(change).toBe(parsePosition('00000000000003200000000000000384'));
});

test('a transaction that wrote before the snapshot and committed after it wins over the rows of the snapshot', () => {
  const positions = createDebeziumPositions();
  const row = positions.next('t/0', 0n, source(null, 1000n, 'first'));
  expect(positions.next('t/0', 1n, source(null, 990n, 'false')) > row).toBe(true);
});

test('the neighbour of a position is the next one in text order', () => {
  const position = parsePosition('000000000000032000000000000003ff');
  expect(neighbourOf(position, 1)).toBe('00000000000003200000000000000400');
  expect(neighbourOf(position, -1) < position).toBe(true);
});

test('a record without an LSN is refused', () => {
  expect(() => createDebeziumPositions().next('t/0', 0n, { sequence: null })).toThrow(
    'no event of a Postgres connector',
  );
});

test('a snapshot that a rebalance leads behind does not raise what stands before it', () => {
  const positions = createDebeziumPositions();
  const update = () => positions.next('t/0', 3n, source(null, 15n, 'false'));
  const first = update();
  positions.next('t/0', 9n, source(null, 50n, 'first'));
  expect(update()).toBe(first);
});
