import { isKeyless } from '../postgres/tables/catalog.ts';
import type { SnapshotTable } from '../postgres/snapshot/chunk-query.ts';
import type { ReadChunk } from '../postgres/snapshot/snapshot.ts';
import { afterRun, type SnapshotProgress } from '../postgres/snapshot/snapshot-progress.ts';

/** A chunk is at most about this large, but for a single row that is larger. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** What may be on its way through the stream. */
const MAX_PENDING_BYTES = 6 * 1024 * 1024;
const MAX_PENDING_CHUNKS = 8;
/** The first chunk of a table shows how wide its rows are, so it is small; the next ones grow step by step. */
const FIRST_ROWS = 500;
const FIRST_BLOCKS = 16;
const MAX_BLOCKS = 65_536;
const GROWTH = 8;
/** Chunks get larger than the config says while the stream is so far behind, so that the snapshot goes on nevertheless. */
const LONG_WAY_MS = 5_000;
const MAX_STRETCH = 64;

/** A table that is being read or waits for it. */
export interface SnapshotJob {
  of: SnapshotTable;
  /** What is safe in Kafka. */
  progress: SnapshotProgress;
  /** What has been read: where the next chunk begins. */
  cursor: SnapshotProgress;
  /** Rows of the next chunk; blocks for a table without key. */
  size: number;
}

/** The tables that a snapshot reads, in order, and the chunks that are on their way through the stream. */
export class SnapshotQueue {
  readonly #rowLimit: number;
  readonly #now: () => number;
  readonly #jobs: SnapshotJob[] = [];
  /** By the chunk's id, in the order in which they were read. */
  readonly #pending = new Map<string, { job: SnapshotJob; read: ReadChunk; at: number }>();
  #pendingBytes = 0;
  #stretch = 1;
  /** Changes when what has been read is dropped: a chunk that was being read meanwhile is dropped too. */
  #generation = 0;

  constructor(rowLimit: number, now: () => number = Date.now) {
    this.#rowLimit = rowLimit;
    this.#now = now;
  }

  get jobs(): readonly SnapshotJob[] {
    return this.#jobs;
  }

  get generation(): number {
    return this.#generation;
  }

  chunk(id: string): ReadChunk | undefined {
    return this.#pending.get(id)?.read;
  }

  /** Adds a table, or lets the one that is there go on from another place. */
  put(of: SnapshotTable, progress: SnapshotProgress): void {
    const job = this.#jobs.find((each) => each.of.oid === of.oid);
    if (job === undefined) {
      const size = isKeyless(of.table) ? FIRST_BLOCKS : Math.min(FIRST_ROWS, this.#rowLimit);
      this.#jobs.push({ of, progress, cursor: progress, size });
      return;
    }
    job.of = of;
    job.progress = progress;
    this.drop();
  }

  remove(oid: number): void {
    const place = this.#jobs.findIndex((each) => each.of.oid === oid);
    if (place === -1) return;
    this.#jobs.splice(place, 1);
    this.drop();
  }

  /** The table whose next chunk is to be read now, if there is one and there is room for it. */
  next(): SnapshotJob | undefined {
    if (this.#pending.size >= MAX_PENDING_CHUNKS || this.#pendingBytes >= MAX_PENDING_BYTES) return undefined;
    return this.#jobs.find((job) => !job.cursor.done);
  }

  /** A chunk is about to enter the stream. False when it was read of a state that holds no more. */
  pend(job: SnapshotJob, read: ReadChunk, generation: number): boolean {
    if (generation !== this.#generation) return false;
    this.#pending.set(read.chunk.id, { job, read, at: this.#now() });
    this.#pendingBytes += read.byteLength;
    job.cursor = read.next;
    job.size = this.#nextSize(job, read);
    return true;
  }

  /** The chunk's rows are safe; returns the table, whose progress has changed, or undefined for a chunk of no concern. */
  written(read: ReadChunk): SnapshotJob | undefined {
    const pending = this.#pending.get(read.chunk.id);
    if (pending === undefined) return undefined;
    const { job, at } = pending;
    this.#pending.delete(read.chunk.id);
    this.#pendingBytes -= read.byteLength;
    const wayMs = this.#now() - at;
    this.#stretch = Math.min(MAX_STRETCH, Math.max(1, this.#stretch * (wayMs > LONG_WAY_MS ? 2 : 0.5)));
    job.progress = afterRun(read.next);
    if (job.progress.done) this.#jobs.splice(this.#jobs.indexOf(job), 1);
    // Another request of the same table waited for the end of this one.
    else if (read.next.done) job.cursor = job.progress;
    return job;
  }

  /** Forgets the chunks that are on their way: they are read again. */
  drop(): void {
    this.#generation += 1;
    this.#pending.clear();
    this.#pendingBytes = 0;
    for (const job of this.#jobs) job.cursor = job.progress;
  }

  #nextSize({ of, size }: SnapshotJob, { rowCount, byteLength }: ReadChunk): number {
    const rowLimit = this.#rowLimit * this.#stretch;
    const growth = Math.min(GROWTH, CHUNK_BYTES / Math.max(1, byteLength), rowLimit / Math.max(1, rowCount));
    const limit = isKeyless(of.table) ? MAX_BLOCKS : rowLimit;
    return Math.max(1, Math.min(limit, Math.floor(size * growth)));
  }
}
