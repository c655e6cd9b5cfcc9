import type { TableSchema } from '../../../schemas/table-schema.ts';
import type { Row } from '../../../schemas/value.ts';
import { keyIdentity } from '../tables/captured-table.ts';

/** What `pg_current_snapshot()` says: which transactions a query saw. Only the low 32 bits of ids, as in the stream. */
export interface TransactionSnapshot {
  readonly xmax: number;
  readonly inProgress: ReadonlySet<number>;
}

/** One chunk of a table, read between two watermarks. */
export interface Chunk {
  readonly id: string;
  readonly oid: number;
  readonly table: TableSchema;
  /** Decoded each time they are asked for, so that a waiting chunk is no larger than what Postgres sent. */
  readonly rows: Iterable<Row>;
  readonly seen: TransactionSnapshot;
}

/** Reads the text form `xmin:xmax:xip,xip`. */
export function parseTransactionSnapshot(text: string): TransactionSnapshot {
  const [, xmax = '0', inProgress = ''] = text.split(':');
  return {
    xmax: low32(xmax),
    inProgress: new Set(inProgress === '' ? [] : inProgress.split(',').map(low32)),
  };
}

function low32(xid: string): number {
  return Number(BigInt.asUintN(32, BigInt(xid)));
}

/** Whether the snapshot sees a committed transaction of the last 2^31. */
export function sees(snapshot: TransactionSnapshot, xid: number): boolean {
  // Ids wrap at 2^32: of two, the older is the one from which the other is reached by fewer steps forward.
  return ((xid - snapshot.xmax) | 0) < 0 && !snapshot.inProgress.has(xid);
}

/** Beyond this the keys of streamed transactions are not kept, which costs a repeated chunk and no memory. */
const MAX_KEPT_KEYS = 100_000;

/** A transaction that was streamed, as long as a later query could still miss it. */
interface Streamed {
  /** Its place in the stream. */
  readonly order: number;
  /** The table whose keys were kept, and those keys; null when it is not known what the transaction changed. */
  kept: { readonly oid: number; readonly keys: Set<string> } | null;
}

/**
 * Decides which rows of a chunk may enter the stream at its closing watermark. It is told everything that the stream
 * brings, in the stream's order.
 *
 * - A row whose key changed between the watermarks is left out: the streamed change is as new or newer.
 * - A transaction leaves the WAL before other sessions see it. The rows of one that was streamed before the opening
 *   watermark and that the chunk's query did not see are left out too. Where it is not known which rows those are, the
 *   chunk must be read again.
 */
export class SnapshotWindow {
  readonly #streamed = new Map<number, Streamed>();
  readonly #isWanted: () => boolean;
  #order = 0;
  #keptKeys = 0;
  #last: Streamed | null = null;
  /** The table that chunks are being read of: only its keys are kept. */
  #chunkOid: number | null = null;
  #open: {
    id: string;
    oid: number;
    order: number;
    touched: Set<string>;
    truncated: boolean;
  } | null = null;

  /**
   * `running` are the transactions that were under way when the stream was opened. An earlier stream may have brought one
   * already, or its first changes were made before its table was published: until it is seen, no chunk can be trusted.
   * `isWanted` tells whether a snapshot is under way: without one, nothing but transaction ids is remembered.
   */
  constructor(running: Iterable<number> = [], isWanted: () => boolean = () => true) {
    this.#isWanted = isWanted;
    for (const xid of running) this.#streamed.set(xid, { order: 0, kept: null });
  }

  /** A transaction with changes has begun in the stream (which means that it has committed). */
  transaction(xid: number): void {
    this.#order += 1;
    const known = this.#streamed.get(xid);
    // One of the running may have been streamed in part before, so it stays unknown.
    if (known !== undefined) {
      this.#last = known;
      return;
    }
    const oid = this.#isWanted() ? this.#chunkOid : null;
    this.#last = { order: this.#order, kept: oid === null ? null : { oid, keys: new Set() } };
    this.#streamed.set(xid, this.#last);
  }

  /** A heartbeat tells what its session saw; a chunk whose window opens later sees it too, so it need not be remembered. */
  forget(seen: TransactionSnapshot): void {
    for (const [xid, streamed] of this.#streamed) {
      if (!sees(seen, xid)) continue;
      this.#keptKeys -= streamed.kept?.keys.size ?? 0;
      this.#streamed.delete(xid);
      if (streamed === this.#last) streamed.kept = null;
    }
  }

  /** A row has changed in the stream. */
  change(oid: number, table: TableSchema, key: Row): void {
    const touched = this.#open?.oid === oid ? this.#open.touched : undefined;
    const kept = this.#last?.kept?.oid === oid ? this.#last.kept.keys : undefined;
    if (touched === undefined && kept === undefined) return;
    const identity = keyIdentity(table, key);
    touched?.add(identity);
    if (kept === undefined || kept.has(identity)) return;
    kept.add(identity);
    this.#keptKeys += 1;
    if (this.#keptKeys > MAX_KEPT_KEYS) this.#forgetKeys();
  }

  /** All rows of a table have gone in the stream: what the chunk read of it came before. */
  truncate(oid: number): void {
    if (this.#open?.oid === oid) this.#open.truncated = true;
  }

  openingWatermark(id: string, oid: number): void {
    this.#open = { id, oid, order: this.#order, touched: new Set(), truncated: false };
    this.#chunkOid = oid;
  }

  /** A closing watermark whose chunk nobody waits for any more. */
  abandon(): void {
    this.#open = null;
  }

  /** The rows that enter the stream here, or null when the chunk must be read again. */
  closingWatermark(chunk: Chunk): Iterable<Row> | null {
    const open = this.#open;
    this.#open = null;
    // The opening watermark was not met: the chunk was read by an earlier run of the stream.
    if (open === null || open.id !== chunk.id) return null;
    const missed = this.#missed(chunk, open.order);
    this.forget(chunk.seen);
    if (missed === null) return null;
    if (open.truncated) return [];
    const changed = missed.length === 0 ? open.touched : union([open.touched, ...missed]);
    return changed.size === 0 ? chunk.rows : untouched(chunk, changed);
  }

  /** The keys of transactions before the window that the chunk's query did not see; null when they are not all known. */
  #missed(chunk: Chunk, order: number): ReadonlySet<string>[] | null {
    const missed: ReadonlySet<string>[] = [];
    for (const [xid, streamed] of this.#streamed) {
      // A map keeps the order of the stream.
      if (streamed.order > order) break;
      if (sees(chunk.seen, xid)) continue;
      if (streamed.kept?.oid !== chunk.oid) return null;
      missed.push(streamed.kept.keys);
    }
    return missed;
  }

  #forgetKeys(): void {
    for (const streamed of this.#streamed.values()) streamed.kept = null;
    this.#keptKeys = 0;
  }
}

function union(sets: readonly ReadonlySet<string>[]): Set<string> {
  const all = new Set<string>();
  for (const set of sets) for (const each of set) all.add(each);
  return all;
}

function* untouched(chunk: Chunk, changed: ReadonlySet<string>): Generator<Row> {
  for (const row of chunk.rows) if (!changed.has(keyIdentity(chunk.table, row))) yield row;
}
