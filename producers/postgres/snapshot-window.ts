import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Row } from '../../schemas/value.ts';
import { keyIdentity } from './captured-table.ts';

/** What `pg_current_snapshot()` says: which transactions a query saw. Transaction ids are 64 bit. */
export interface TransactionSnapshot {
  readonly xmax: bigint;
  readonly inProgress: ReadonlySet<bigint>;
}

/** One chunk of a table, read between two watermarks. */
export interface Chunk {
  readonly id: string;
  readonly oid: number;
  readonly table: TableSchema;
  readonly rows: readonly Row[];
  readonly seen: TransactionSnapshot;
}

/** Reads the text form `xmin:xmax:xip,xip`. */
export function parseTransactionSnapshot(text: string): TransactionSnapshot {
  const [, xmax = '0', inProgress = ''] = text.split(':');
  return {
    xmax: BigInt(xmax),
    inProgress: new Set(inProgress === '' ? [] : inProgress.split(',').map((xid) => BigInt(xid))),
  };
}

/** Whether the snapshot sees a committed transaction; the stream carries only the low 32 bits of its id. */
export function sees(snapshot: TransactionSnapshot, xid: number): boolean {
  const epoch = snapshot.xmax >> 32n;
  let full = (epoch << 32n) | BigInt(xid);
  // Ids wrap at 2^32: the one meant is the nearest to xmax.
  if (full - snapshot.xmax > 1n << 31n) full -= 1n << 32n;
  else if (snapshot.xmax - full > 1n << 31n) full += 1n << 32n;
  return full < snapshot.xmax && !snapshot.inProgress.has(full);
}

/**
 * Decides which rows of a chunk may enter the stream at its closing watermark. It is told everything that the stream
 * brings, in the stream's order.
 *
 * - A row whose key changed between the watermarks is left out: the streamed change is as new or newer.
 * - A transaction leaves the WAL before other sessions see it. One that was streamed before the opening watermark and that
 *   the chunk's query did not see may have written any of the chunk's rows, so the chunk must be read again.
 */
export class SnapshotWindow {
  /** Transactions that were streamed, as long as a later query could still miss them. */
  readonly #streamed: Set<number>;
  #beforeWindow: Set<number> | null = null;
  #open: { id: string; oid: number; touched: Set<string> } | null = null;

  /**
   * `running` are the transactions that were under way when the stream was opened. An earlier stream may have brought one
   * already, or its first changes were made before its table was published: until it is seen, no chunk can be trusted.
   */
  constructor(running: Iterable<bigint> = []) {
    this.#streamed = new Set([...running].map((xid) => Number(BigInt.asUintN(32, xid))));
  }

  /** A transaction with changes has begun in the stream (which means that it has committed). */
  transaction(xid: number): void {
    this.#streamed.add(xid);
  }

  /** A heartbeat tells what its session saw; a chunk whose window opens later sees it too, so it need not be remembered. */
  forget(seen: TransactionSnapshot): void {
    for (const xid of this.#streamed) if (sees(seen, xid)) this.#streamed.delete(xid);
  }

  /** A row has changed in the stream. */
  change(oid: number, table: TableSchema, key: Row): void {
    if (this.#open?.oid === oid) this.#open.touched.add(keyIdentity(table, key));
  }

  openingWatermark(id: string, oid: number): void {
    this.#open = { id, oid, touched: new Set() };
    this.#beforeWindow = new Set(this.#streamed);
  }

  /** The rows that enter the stream here, or null when the chunk must be read again. */
  closingWatermark(chunk: Chunk): Row[] | null {
    const open = this.#open;
    const before = this.#beforeWindow;
    this.#open = null;
    this.#beforeWindow = null;
    // The opening watermark was not met: the chunk was read by an earlier run of the stream.
    if (open === null || before === null || open.id !== chunk.id) return null;
    const missed = [...before].some((xid) => !sees(chunk.seen, xid));
    this.forget(chunk.seen);
    if (missed) return null;
    return chunk.rows.filter((row) => !open.touched.has(keyIdentity(chunk.table, row)));
  }
}
