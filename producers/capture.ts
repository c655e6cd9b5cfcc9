import type pg from 'pg';
import { TailraceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { pause } from '../core/retry.ts';
import type { SourceConfig } from '../core/config/schema.ts';
import type { EventSource, Operation } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import type { KafkaWriter } from './kafka-writer.ts';
import {
  makeEvent,
  missingColumns,
  oldRow,
  rowFromTuple,
  sameKey,
  type CapturedTable,
} from './postgres/captured-table.ts';
import type { PgoutputMessage } from './postgres/pgoutput/messages.ts';
import {
  currentSnapshot,
  MESSAGE_PREFIX,
  readRow,
  type ReadChunk,
  type WalMessage,
} from './postgres/snapshot.ts';
import { parseTransactionSnapshot, sees, type SnapshotWindow } from './postgres/snapshot-window.ts';
import type { WalItem } from './postgres/wal-stream.ts';
import type { TableOutput } from './table-output.ts';

/** A table that is being captured: how to read its tuples, and where its events go. */
export interface Route {
  readonly captured: CapturedTable;
  readonly output: TableOutput;
}

/** What the capture needs from the session around it. */
export interface CaptureContext {
  readonly pipeline: string;
  readonly database: string;
  readonly truncate: SourceConfig['truncate'];
  readonly control: pg.Client;
  readonly writer: KafkaWriter;
  readonly window: SnapshotWindow;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Ends a wait; `handle` then throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Called for each relation message: the route for the table's present shape, or null when it is not captured. */
  route(relation: Extract<PgoutputMessage, { tag: 'relation' }>): Promise<Route | null>;
  /** The chunk that a closing watermark names; undefined when an earlier run of the stream wrote it. */
  chunk(id: string): ReadChunk | undefined;
  /** The chunk's rows are safe in Kafka (`written`), or it must be read again. */
  chunkSettled(read: ReadChunk, outcome: 'written' | 'repeat'): Promise<void>;
}

const VISIBLE_POLL_MS = 20;

interface Transaction {
  readonly commitLsn: bigint;
  readonly tsUs: number;
  readonly xid: number;
  ordinal: number;
  /** Whether a query is known to see it. */
  isVisible: boolean;
}

/** Turns the stream's items into records, in order. One instance serves one connection. */
export class Capture {
  readonly #context: CaptureContext;
  readonly #routes = new Map<number, Route>();
  #transaction: Transaction | null = null;
  /** Commit time of the last transaction that was read, heartbeats included; microseconds since 1970. */
  lastCommitTsUs = 0;

  constructor(context: CaptureContext) {
    this.#context = context;
  }

  async handle(item: WalItem): Promise<void> {
    if ('keepalive' in item) {
      // Between transactions, what the server has sent so far holds nothing of ours that is not yet in the writer.
      if (this.#transaction === null) this.#context.writer.checkpoint(item.lsn);
      return;
    }
    const { message, lsn } = item;
    switch (message.tag) {
      case 'begin':
        this.#transaction = {
          commitLsn: message.commitLsn,
          tsUs: message.commitTsUs,
          xid: message.xid,
          ordinal: 0,
          isVisible: false,
        };
        this.#context.window.transaction(message.xid);
        return;
      case 'commit':
        this.lastCommitTsUs = this.#current().tsUs;
        this.#transaction = null;
        this.#context.writer.checkpoint(message.endLsn);
        return;
      case 'relation': {
        const route = await this.#context.route(message);
        if (route === null) this.#routes.delete(message.oid);
        else this.#routes.set(message.oid, route);
        return;
      }
      case 'insert': {
        const route = this.#routes.get(message.oid);
        if (route === undefined) return;
        await this.#emit(
          route,
          'c',
          { before: null, after: rowFromTuple(route.captured, message.after) },
          lsn,
        );
        return;
      }
      case 'update':
        await this.#update(message, lsn);
        return;
      case 'delete': {
        const route = this.#routes.get(message.oid);
        if (route === undefined) return;
        const before = oldRow(route.captured, message.oldKind, message.before);
        await this.#emit(route, 'd', { before, after: null }, lsn);
        return;
      }
      case 'truncate':
        this.#truncate(message.oids);
        return;
      case 'message':
        if (message.prefix === MESSAGE_PREFIX)
          await this.#watermark(JSON.parse(message.content) as WalMessage, lsn);
        return;
      case 'type':
      case 'origin':
        return;
    }
  }

  /** A changed primary key leaves as a delete of the old row and an insert of the new one: they may differ in partition. */
  async #update(message: Extract<PgoutputMessage, { tag: 'update' }>, lsn: bigint): Promise<void> {
    const route = this.#routes.get(message.oid);
    if (route === undefined) return;
    const { captured } = route;
    const before =
      message.before === null || message.oldKind === 'none'
        ? null
        : oldRow(captured, message.oldKind, message.before);
    const after = await this.#wholeRow(captured, before, rowFromTuple(captured, message.after));
    const keyChanged = before !== null && !sameKey(captured.table, { ...after.row, ...before }, after.row);
    if (keyChanged) await this.#emit(route, 'd', { before: { ...after.row, ...before }, after: null }, lsn);
    // The row is gone by now, so a delete of it follows in the stream and this version need not be known whole.
    if (!after.whole) return;
    await this.#emit(
      route,
      keyChanged ? 'c' : 'u',
      { before: keyChanged ? null : before, after: after.row },
      lsn,
    );
  }

  /**
   * Fills in unchanged TOAST values, which Postgres does not send: from the old row with REPLICA IDENTITY FULL, otherwise
   * from the table. Read back from the table they can be newer than the change; the change that made them follows. They
   * must not be older, as they would be when the same transaction wrote them and is not yet visible.
   */
  async #wholeRow(
    captured: CapturedTable,
    before: Row | null,
    after: Row,
  ): Promise<{ row: Row; whole: boolean }> {
    const missing = missingColumns(captured, after);
    if (missing.length === 0) return { row: after, whole: true };
    const fromOld = missing.every((name) => before?.[name] !== undefined);
    if (!fromOld) await this.#untilVisible(this.#current());
    const donor = fromOld ? before : await readRow(this.#context.control, captured.table, after);
    if (donor === null) return { row: after, whole: false };
    const filled = Object.fromEntries(missing.map((name) => [name, donor[name] ?? null]));
    return { row: { ...after, ...filled }, whole: true };
  }

  /** A transaction is streamed before other sessions see it; long before, where its commit waits for a standby. */
  async #untilVisible(transaction: Transaction): Promise<void> {
    const { control, signal } = this.#context;
    while (!transaction.isVisible) {
      transaction.isVisible = sees(await currentSnapshot(control), transaction.xid);
      if (transaction.isVisible) return;
      await pause(VISIBLE_POLL_MS, signal);
      signal.throwIfAborted();
    }
  }

  #truncate(oids: readonly number[]): void {
    const names = oids.flatMap((oid) => {
      const route = this.#routes.get(oid);
      return route === undefined ? [] : [qualifiedName(route.captured.table)];
    });
    if (names.length === 0) return;
    if (this.#context.truncate === 'ignore') {
      this.#context.log.warn(
        { tables: names },
        'TRUNCATE ignored, as source.truncate says: the stores keep the rows',
      );
      return;
    }
    throw new TailraceError(
      'CAPTURE_TRUNCATE',
      `${names.join(', ')} was truncated; a truncate cannot be carried to the stores yet, and skipping it would leave them with its rows`,
      'set source.truncate: ignore to go on and keep those rows in the stores, or use DELETE instead of TRUNCATE',
    );
  }

  async #watermark(message: WalMessage, lsn: bigint): Promise<void> {
    const { window, pipeline, writer } = this.#context;
    if (message.pipeline !== pipeline) return;
    if (message.kind === 'heartbeat') {
      window.forget(parseTransactionSnapshot(message.seen));
      return;
    }
    if (message.kind === 'open') {
      window.openingWatermark(message.chunk, message.oid);
      return;
    }
    const read = this.#context.chunk(message.chunk);
    if (read === undefined) return;
    const rows = window.closingWatermark(read.chunk);
    const route = this.#routes.get(read.chunk.oid) ?? (await this.#routeOfChunk(read));
    if (rows === null || route === null) {
      await this.#context.chunkSettled(read, 'repeat');
      return;
    }
    for (const row of rows) await this.#emit(route, 'r', { before: null, after: row }, lsn);
    await writer.flush();
    await this.#context.chunkSettled(read, 'written');
  }

  /** A table without changes since the connection began has sent no relation message yet. */
  #routeOfChunk(read: ReadChunk): Promise<Route | null> {
    const { oid, table } = read.chunk;
    return this.#context.route({
      tag: 'relation',
      oid,
      schema: table.schema,
      name: table.name,
      replicaIdentity: 'default',
      columns: table.columns.map((column) => ({ name: column.name, typeOid: 0, typeModifier: -1 })),
    });
  }

  async #emit(
    route: Route,
    op: Operation,
    rows: { before: Row | null; after: Row | null },
    lsn: bigint,
  ): Promise<void> {
    const { writer, window, metrics, pipeline, database } = this.#context;
    const { captured, output } = route;
    const transaction = this.#current();
    transaction.ordinal += 1;
    const isSnapshot = op === 'r';
    const source: EventSource = {
      name: pipeline,
      db: database,
      txId: isSnapshot ? null : transaction.xid,
      lsn,
      tsUs: transaction.tsUs,
      snapshot: isSnapshot,
    };
    const event = makeEvent(
      captured,
      op,
      rows,
      makePosition(transaction.commitLsn, transaction.ordinal),
      source,
    );
    if (!isSnapshot) window.change(captured.oid, captured.table, event.key);
    const table = qualifiedName(captured.table);
    const records = output.records(event);
    for (const [index, record] of records.entries()) {
      const isLast = index === records.length - 1;
      await writer.add(
        output.topic,
        record,
        isLast
          ? () => {
              metrics.captureEvents.inc({ table, op });
              if (isSnapshot) metrics.snapshotRows.inc({ table });
            }
          : undefined,
      );
    }
  }

  #current(): Transaction {
    if (this.#transaction === null) throw new Error('a change came outside of a transaction');
    return this.#transaction;
  }
}
