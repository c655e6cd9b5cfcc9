import type pg from 'pg';
import type { Logger } from '../core/logger.ts';
import { pause } from '../core/retry.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import {
  estimateRows,
  readChunk,
  SNAPSHOT_START,
  type ReadChunk,
  type SnapshotProgress,
} from './postgres/snapshot.ts';

const PROGRESS_INTERVAL_MS = 10_000;
const REPEAT_PAUSE_MS = 100;

/** A table whose rows are to be read: its schema as captured, before transforms. */
export interface SnapshotTable {
  readonly oid: number;
  readonly table: TableSchema;
}

/** Drives the snapshot of all tables, one chunk at a time, while the stream goes on. */
export class SnapshotTask {
  readonly #progress: Map<string, SnapshotProgress>;
  /** The chunk that is on its way through the stream, and who waits for it. */
  #pending: { read: ReadChunk; settle: (outcome: 'written' | 'repeat') => void } | null = null;
  #current: { table: string; rows: number; estimate: number | null } | null = null;

  constructor(progress: ReadonlyMap<string, SnapshotProgress>) {
    this.#progress = new Map(progress);
  }

  /** What `status` shows; null when no snapshot is running. */
  get current(): { table: string; rows: number; estimate: number | null } | null {
    return this.#current;
  }

  pendingChunk(id: string): ReadChunk | undefined {
    return this.#pending?.read.chunk.id === id ? this.#pending.read : undefined;
  }

  settle(read: ReadChunk, outcome: 'written' | 'repeat'): void {
    if (this.#pending?.read !== read) return;
    const { settle } = this.#pending;
    this.#pending = null;
    settle(outcome);
  }

  isDone(table: TableSchema): boolean {
    return this.#progress.get(qualifiedName(table))?.done === true;
  }

  /** Reads all tables that are not done; `save` keeps the progress after each chunk. Ends early when the signal aborts. */
  async run(
    client: pg.Client,
    options: {
      pipeline: string;
      tables: readonly SnapshotTable[];
      rowLimit: number;
      signal: AbortSignal;
      log: Logger;
    },
    save: (table: string, progress: SnapshotProgress) => Promise<void>,
  ): Promise<void> {
    for (const { oid, table } of options.tables) {
      const name = qualifiedName(table);
      let progress = this.#progress.get(name) ?? SNAPSHOT_START;
      let toldAt = Date.now();
      const startedRows = progress.rows;
      const startedAt = Date.now();
      this.#current = { table: name, rows: progress.rows, estimate: await estimateRows(client, oid) };
      while (!progress.done && !options.signal.aborted) {
        const settled = Promise.withResolvers<'written' | 'repeat'>();
        let read: ReadChunk | null = null;
        await readChunk(client, { ...options, oid, table, progress }, (chunk) => {
          read = chunk;
          this.#pending = { read: chunk, settle: settled.resolve };
        });
        const onAbort = () => settled.resolve('repeat');
        options.signal.addEventListener('abort', onAbort, { once: true });
        const outcome = await settled.promise;
        options.signal.removeEventListener('abort', onAbort);
        if (outcome === 'repeat' || read === null) {
          // A transaction that is not yet visible may stay so for long.
          await pause(REPEAT_PAUSE_MS, options.signal);
          continue;
        }
        progress = (read as ReadChunk).next;
        this.#progress.set(name, progress);
        this.#current = { ...this.#current, rows: progress.rows };
        await save(name, progress);
        if (Date.now() - toldAt > PROGRESS_INTERVAL_MS) {
          toldAt = Date.now();
          const seconds = (toldAt - startedAt) / 1000;
          options.log.info(
            {
              table: name,
              rows: progress.rows,
              rowsPerSecond: Math.round((progress.rows - startedRows) / seconds),
            },
            'snapshot in progress',
          );
        }
      }
      if (options.signal.aborted) break;
      options.log.info({ table: name, rows: progress.rows }, 'snapshot of table done');
    }
    this.#current = null;
  }
}
