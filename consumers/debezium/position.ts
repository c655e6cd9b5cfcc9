import { makePosition, type Position } from '../../schemas/position.ts';

/**
 * The position of an event that Debezium's Postgres connector wrote. `source.sequence` is `[commit, lsn]`: where the last
 * transaction before this one ended (null before the first that the connector saw), and the change itself.
 *
 * | event                            | position                                                             |
 * |----------------------------------|----------------------------------------------------------------------|
 * | streamed                         | (commit, lsn): its transaction comes after the last commit, and      |
 * |                                  | before the next one ends; in it the changes come by their LSN        |
 * | streamed, no commit before it    | (lsn, lsn)                                                           |
 * | row of a snapshot                | (lsn, 0): all that was committed before the snapshot's point is older |
 * | row of an incremental snapshot   | (commit, 0): older than each change after the last commit            |
 *
 * The first transaction behind a snapshot can have written before the snapshot's point and committed after it. Its commit
 * would then stand below the rows of the snapshot, so it is raised to the snapshot's point. For that each partition
 * remembers where a snapshot began in it (the rows of a key are all in one partition). Records come again after a rebalance,
 * and must get the same position then: a snapshot counts for what stands behind it alone.
 */
export interface DebeziumPositions {
  /** Of the record at that offset. Throws TypeError where the `source` block has no LSN. */
  next(partition: string, offset: bigint, source: Readonly<Record<string, unknown>>): Position;
}

/** Positions of the records of some partitions, to be asked for in the order of each partition. */
export function createDebeziumPositions(): DebeziumPositions {
  /** By partition, each snapshot's point and the offset of its first row, in their order. */
  const snapshots = new Map<string, { readonly lsn: bigint; readonly offset: bigint }[]>();
  return {
    next(partition, offset, source) {
      const { commit, lsn } = sequenceOf(source);
      const known = snapshots.get(partition) ?? [];
      const floor = known.findLast((snapshot) => snapshot.offset < offset)?.lsn ?? 0n;
      switch (kindOf(source['snapshot'])) {
        case 'streamed':
          return toPosition(largest(commit ?? lsn, floor), lsn);
        case 'incremental':
          return toPosition(largest(commit ?? 0n, floor), 0n);
        case 'snapshot':
          if (lsn > (known.at(-1)?.lsn ?? 0n)) snapshots.set(partition, [...known, { lsn, offset }]);
          return toPosition(lsn, 0n);
      }
    },
  };
}

/** The nearest position behind or before another one, which no event has: changes lie at least 8 bytes apart in the WAL. */
export function neighbourOf(position: Position, distance: 1 | -1): Position {
  const number = BigInt(`0x${position}`) + BigInt(distance);
  return number.toString(16).padStart(32, '0') as Position;
}

function kindOf(snapshot: unknown): 'streamed' | 'incremental' | 'snapshot' {
  if (snapshot == null || snapshot === 'false' || snapshot === false) return 'streamed';
  return snapshot === 'incremental' ? 'incremental' : 'snapshot';
}

/** Connectors before 1.6 have no sequence, only `lsn`. */
function sequenceOf(source: Readonly<Record<string, unknown>>): { commit: bigint | null; lsn: bigint } {
  const lsn = source['lsn'];
  if (typeof lsn !== 'number' && typeof lsn !== 'bigint')
    throw new TypeError('the source block has no lsn: it is no event of a Postgres connector');
  const { sequence } = source;
  const parsed: unknown = typeof sequence === 'string' ? JSON.parse(sequence) : [];
  const [commit, event] = Array.isArray(parsed) ? (parsed as unknown[]) : [];
  return {
    commit: typeof commit === 'string' ? BigInt(commit) : null,
    lsn: typeof event === 'string' ? BigInt(event) : BigInt(lsn),
  };
}

function toPosition(commitLsn: bigint, lsn: bigint): Position {
  return (makePosition(commitLsn, 0).slice(0, 16) + makePosition(lsn, 0).slice(0, 16)) as Position;
}

function largest(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
