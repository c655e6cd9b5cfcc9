import type pg from 'pg';
import type { Logger } from '../../core/logger.ts';
import { pause as delay } from '../../core/retry.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import type { SnapshotTable } from '../postgres/snapshot/chunk-query.ts';
import { readFacts, type TableFacts } from '../postgres/snapshot/table-facts.ts';
import type { Note } from '../kafka-writer.ts';
import { prepareForChunks, readChunk, type ReadChunk } from '../postgres/snapshot/snapshot.ts';
import {
  afterRequest,
  afterRun,
  anew,
  SNAPSHOT_START,
  type SnapshotPlace,
  type SnapshotProgress,
  type SnapshotRequest,
} from '../postgres/snapshot/snapshot-progress.ts';
import { ProgressSaver } from './progress-saver.ts';
import { figuresOf, sentenceOf, type SnapshotFigures } from './snapshot-figures.ts';
import { SnapshotQueue, type SnapshotJob } from './snapshot-queue.ts';
import { recoveryOf } from './snapshot-recovery.ts';
import { SnapshotRate } from './snapshot-rate.ts';

export type { SnapshotTable };

const LOG_INTERVAL_MS = 10_000;
const REPEAT_PAUSE_MS = 100;
/** A chunk that turns out so large is cut: rows got wider all at once. */
const BYTE_LIMIT = 16 * 1024 * 1024;

/** Writes down how far a chunk's rows have come, in the request that carries them. */
export interface LeavingChunk {
  readonly note: Omit<Note, 'topic'>;
  /** The row that the chunk gave last is in the writer. */
  reach(): void;
}

export interface SnapshotOptions {
  readonly pipeline: string;
  /** All tables that are captured. */
  readonly tables: readonly SnapshotTable[];
  /** Whether tables are read that never were; those that were asked for are read in any case. */
  readonly initial: boolean;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** A connection of the snapshot's own; it is closed when there is nothing to read. */
  connect(): Promise<pg.Client>;
  /** The table as it is now, or null when it is gone. */
  shapeOf(oid: number): Promise<SnapshotTable | null>;
  /** Called when what is going on changes: in one sentence, or null when nothing is left to read. */
  onActivity(message: string | null): void;
}

/**
 * Reads tables in chunks while the stream goes on: those that were never read, and those that are asked for. Several
 * chunks are on their way through the stream at a time; their progress is saved in order.
 */
export class SnapshotTask {
  /** By `schema.table`; of all tables that were ever read. */
  readonly #progress: Map<string, SnapshotProgress>;
  readonly #saver: ProgressSaver;
  readonly #queue: SnapshotQueue;
  /** By the table's oid. */
  readonly #facts = new Map<number, TableFacts>();
  #rate = new SnapshotRate();
  #wake = Promise.withResolvers<void>();
  #failure: Error | null = null;
  #isPaused = false;
  #mustWait = false;
  #log: Logger | null = null;
  #repeats = 0;
  #activity: string | null = null;

  /** `rowLimit` is that of a chunk; `save` keeps the progress of a table and is called for one at a time. */
  constructor(
    progress: ReadonlyMap<string, SnapshotProgress>,
    rowLimit: number,
    save: (table: string, progress: SnapshotProgress) => Promise<void>,
  ) {
    this.#progress = new Map(progress);
    this.#queue = new SnapshotQueue(rowLimit);
    this.#saver = new ProgressSaver(save, (error) => {
      this.#failure ??= error;
      this.#wake.resolve();
    });
  }

  /** Whether a table is being read or waits for it. */
  get isBusy(): boolean {
    return this.#queue.jobs.length > 0;
  }

  /** What `status` shows; null when nothing is left to read. */
  get current(): SnapshotFigures | null {
    const [job] = this.#queue.jobs;
    const estimate = job === undefined ? null : (this.#facts.get(job.of.oid)?.estimate ?? null);
    return figuresOf(this.#queue.jobs, {
      estimate,
      rowsPerSecond: this.#isPaused ? 0 : this.#rate.rowsPerSecond,
      paused: this.#isPaused,
      repeats: this.#repeats,
    });
  }

  /** The chunk that a closing watermark names; undefined when it is not wanted (any more). */
  pendingChunk(id: string): ReadChunk | undefined {
    return this.#queue.chunk(id);
  }

  /** The chunk's rows are about to be written to `topic`. */
  leaving(read: ReadChunk, topic: string): LeavingChunk {
    const { table, oid } = read.chunk;
    const name = qualifiedName(table);
    const known = (): SnapshotProgress => this.#progress.get(name) ?? { ...SNAPSHOT_START, oid };
    let reached: (() => SnapshotPlace) | null = null;
    let left: SnapshotPlace | null = null;
    // What has been dropped belongs to a run that has ended: its place would let the next one leave rows out.
    const isWanted = () => this.#queue.chunk(read.chunk.id) !== undefined;
    return {
      reach: () => (reached = read.place()),
      note: {
        key: `snapshot/${name}`,
        value: (endsOf) => {
          left = isWanted() ? (reached?.() ?? null) : null;
          return JSON.stringify(
            left === null ? known() : { ...known(), leaving: { ...left, ends: endsOf(topic) } },
          );
        },
        onSent: () => {
          if (left !== null && isWanted()) this.#progress.set(name, { ...known(), ...left });
        },
      },
    };
  }

  /** The chunk's rows are safe in Kafka, or it must be read again. */
  settle(read: ReadChunk, outcome: 'written' | 'repeat'): void {
    if (outcome === 'written') {
      const job = this.#queue.written(read);
      if (job !== undefined) this.#arrived(job, read);
    } else if (this.#queue.chunk(read.chunk.id) !== undefined) {
      this.#queue.drop();
      this.#repeats += 1;
      // A transaction that is not yet visible may stay so for long.
      this.#mustWait = true;
    }
    this.#wake.resolve();
  }

  #arrived({ of, progress }: SnapshotJob, { next, rowCount }: ReadChunk): void {
    this.#rate.add(rowCount);
    // Its last rows left with a note of the place; saved here, an older place could stand behind a newer one.
    this.#progress.set(qualifiedName(of.table), progress);
    if (!next.done) return;
    this.#keep(of, progress);
    this.#facts.delete(of.oid);
    const request = next.request?.id;
    this.#log?.info({ table: qualifiedName(of.table), rows: next.rows, request }, 'snapshot of table done');
  }

  /** Whether the table was read to the end. */
  isDone(table: TableSchema): boolean {
    return this.#progress.get(qualifiedName(table))?.done === true;
  }

  /** Whether the table is being read or waits for it. */
  isReading(oid: number): boolean {
    return this.#queue.jobs.some(({ of }) => of.oid === oid);
  }

  /** Whether a request of this id was made before. */
  knows(of: SnapshotTable, id: string): boolean {
    return this.#known(of)?.requestIds?.includes(id) === true;
  }

  /**
   * Asks for a table to be read, again if it was read before. Resolves when the wish is safe: it outlives this process.
   * False when a request of this id was made before.
   */
  async request(of: SnapshotTable, request: SnapshotRequest): Promise<boolean> {
    const progress = afterRequest(this.#known(of), request);
    if (progress !== null) {
      this.#facts.delete(of.oid);
      this.#queue.put(of, { ...progress, oid: of.oid });
      this.#keep(of, { ...progress, oid: of.oid });
      this.#wake.resolve();
    }
    await this.#saver.saved();
    if (this.#failure !== null) throw this.#failure;
    return progress !== null;
  }

  /** The table has another shape: what is on its way is read again, in the new one. */
  tableChanged(of: SnapshotTable): void {
    const job = this.#queue.jobs.find((each) => each.of.oid === of.oid);
    if (job === undefined || fingerprintOf(job.of.table) === fingerprintOf(of.table)) return;
    this.#queue.put(of, resumable(of, job.progress));
    this.#wake.resolve();
  }

  /** The table is no longer captured. */
  remove(oid: number): void {
    this.#queue.remove(oid);
    this.#wake.resolve();
  }

  /** Reads nothing more until `resume`; the chunks that are on their way arrive. */
  pause(): void {
    this.#isPaused = true;
    this.#wake.resolve();
  }

  resume(): void {
    this.#isPaused = false;
    this.#rate = new SnapshotRate();
    this.#wake.resolve();
  }

  /** Reads what is not done and what is asked for, until the signal aborts. Throws what `pg` throws, and TABLE_WITHOUT_KEY. */
  async run(options: SnapshotOptions): Promise<void> {
    this.#log = options.log;
    for (const of of options.tables) this.#takeUp(of, options.initial);
    const onAbort = () => this.#wake.resolve();
    options.signal.addEventListener('abort', onAbort, { once: true });
    const telling = setInterval(() => {
      if (this.isBusy) options.log.info(this.current, 'snapshot in progress');
    }, LOG_INTERVAL_MS);
    try {
      while (!options.signal.aborted) {
        if (this.isBusy) await this.#readAll(options);
        else await this.#untilBusy(options);
      }
    } finally {
      clearInterval(telling);
      options.signal.removeEventListener('abort', onAbort);
      await this.#saver.saved();
    }
  }

  /** What an earlier process has left to do. */
  #takeUp(of: SnapshotTable, initial: boolean): void {
    const known = this.#known(of);
    if (known?.done === true || (!initial && known?.request === undefined)) return;
    this.#queue.put(of, resumable(of, known ?? { ...SNAPSHOT_START, oid: of.oid }));
  }

  /** A table that was dropped and made again under its old name was never read. */
  #known({ oid, table }: SnapshotTable): SnapshotProgress | undefined {
    const progress = this.#progress.get(qualifiedName(table));
    return progress?.oid === undefined || progress.oid === oid ? progress : undefined;
  }

  #keep({ table }: SnapshotTable, progress: SnapshotProgress): void {
    this.#progress.set(qualifiedName(table), progress);
    this.#saver.put(qualifiedName(table), progress);
  }

  async #untilBusy(options: SnapshotOptions): Promise<void> {
    // A table is done only when that is kept, else a restart would read it again.
    await this.#saver.saved();
    if (!this.isBusy) this.#tell(options, null);
    await this.#changed();
  }

  /** Resolves when something has changed since the last call. */
  async #changed(): Promise<void> {
    await this.#wake.promise;
    this.#wake = Promise.withResolvers();
    if (this.#failure !== null) throw this.#failure;
  }

  async #readAll(options: SnapshotOptions): Promise<void> {
    const { signal } = options;
    this.#tell(options, sentenceOf(this.current));
    const client = await options.connect();
    // A query may take long; the end of its connection ends it.
    const close = () => client.end().catch(() => undefined);
    const onAbort = () => void close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await prepareForChunks(client);
      this.#rate = new SnapshotRate();
      while (this.isBusy && !signal.aborted) await this.#step(client, options);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await close();
    }
  }

  /** Reads one chunk, or waits until there is one to read. */
  async #step(client: pg.Client, options: SnapshotOptions): Promise<void> {
    if (this.#mustWait) {
      this.#mustWait = false;
      await delay(REPEAT_PAUSE_MS, options.signal);
    }
    const job = this.#isPaused ? undefined : this.#queue.next();
    this.#tell(options, sentenceOf(this.current));
    if (job === undefined) {
      await this.#changed();
      return;
    }
    try {
      await this.#readNext(client, job, options);
    } catch (error) {
      if (options.signal.aborted) throw error;
      await client.query('ROLLBACK').catch(() => undefined);
      await this.#recover(job, error, options);
    }
  }

  async #readNext(client: pg.Client, job: SnapshotJob, options: SnapshotOptions): Promise<void> {
    const { generation } = this.#queue;
    const { of, cursor, size } = job;
    const facts = this.#facts.get(of.oid) ?? (await readFacts(client, of, cursor.request?.where));
    this.#facts.set(of.oid, facts);
    const outcome = await readChunk(
      client,
      { pipeline: options.pipeline, of, progress: cursor, size, byteLimit: BYTE_LIMIT, only: facts.only },
      (read) => this.#queue.pend(job, read, generation),
    );
    // The watch on the tables sees it too, and lets the table's history begin anew.
    if (outcome !== 'read') this.#mustWait = true;
    if (outcome === 'changed') await this.#readShape(job, options);
  }

  /** Reads the table on in the shape that it has now. */
  async #readShape({ of, progress }: SnapshotJob, options: SnapshotOptions): Promise<void> {
    const shape = await options.shapeOf(of.oid);
    if (shape === null) this.#queue.remove(of.oid);
    else this.#queue.put(shape, resumable(shape, progress));
  }

  async #recover(
    { of, cursor, progress }: SnapshotJob,
    error: unknown,
    options: SnapshotOptions,
  ): Promise<void> {
    const table = qualifiedName(of.table);
    const recovery = await recoveryOf(error, of, cursor, (oid) => options.shapeOf(oid));
    if (recovery.kind === 'gone') {
      options.log.warn({ table }, 'the table is gone: its snapshot ends');
      this.#queue.remove(of.oid);
    } else if (recovery.kind === 'changed') {
      this.#queue.put(recovery.shape, resumable(recovery.shape, progress));
    } else if (recovery.kind === 'failed') {
      const { sqlState } = recovery;
      options.log.error(
        { table, request: cursor.request?.id, sqlState },
        'the condition failed: its request ends',
      );
      const ended = afterRun({ ...progress, done: true, failure: sqlState });
      if (ended.done) this.#queue.remove(of.oid);
      else this.#queue.put(of, ended);
      this.#keep(of, ended);
    }
  }

  #tell(options: SnapshotOptions, activity: string | null): void {
    if (activity === this.#activity) return;
    this.#activity = activity;
    options.onActivity(activity);
  }
}

/** The progress to go on from; a place that means nothing any more is forgotten. */
function resumable({ oid, table }: SnapshotTable, progress: SnapshotProgress): SnapshotProgress {
  const fits = progress.lastKey === null || progress.lastKey.length === table.key.length;
  return { ...(fits ? progress : anew(progress)), oid };
}
