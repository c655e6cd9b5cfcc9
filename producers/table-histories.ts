import type pg from 'pg';
import { TailraceError } from '../core/errors.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import type { ProducerContext } from './context.ts';
import { asSource } from './failures.ts';
import type { SnapshotTable } from './postgres/snapshot/chunk-query.ts';
import { isKeyless } from './postgres/tables/catalog.ts';
import { canDecodeWith, insertPublicationName } from './postgres/tables/insert-publication.ts';
import { beginHistory, readFiles, type HistoryStart } from './postgres/tables/table-history.ts';
import type { SetUp } from './set-up.ts';
import type { SnapshotTask } from './snapshot/snapshot-task.ts';

/** What the histories need of the session around them. */
export interface HistorySession {
  readonly context: ProducerContext;
  /** A connection that nothing long runs on. */
  readonly client: pg.Client;
  readonly setUp: SetUp;
  readonly snapshot: SnapshotTask;
  /** Makes the beginning of a history safe. */
  keepHistory(start: HistoryStart): Promise<void>;
  /** A history has begun: its table is captured, and consumers get to know it. */
  begun(of: SnapshotTable): Promise<void>;
}

/** The histories of tables without a key: when they begin, and when they begin anew (docs/decisions/0011). */
export class TableHistories {
  readonly #session: HistorySession;
  /** Those that are to begin anew, by the table's oid, with the id of the request where somebody asked for it. */
  readonly #due = new Map<number, string | null>();

  constructor(session: HistorySession) {
    this.#session = session;
  }

  isDue(oid: number): boolean {
    return this.#due.has(oid);
  }

  /** Lets the history begin anew with the next `beginDue`. */
  restart(oid: number, requestId: string | null): void {
    this.#due.set(oid, requestId);
  }

  /** The table is no longer captured. */
  forget(oid: number): void {
    this.#due.delete(oid);
    this.#session.setUp.histories.delete(oid);
  }

  /**
   * Whether the slot can be read with the publication of such tables. Throws PUBLICATION_ADDED when it can by now, to begin
   * a session that does.
   */
  async mayBegin(): Promise<boolean> {
    const { context, client, setUp } = this.#session;
    if (setUp.publications.length > 1) return true;
    // Only before Postgres 18, and only where `appendOnly` came to a pipeline that had run before.
    const isReady = await asSource(context.loaded.config.source.url, () =>
      canDecodeWith(client, insertPublicationName(setUp.slot), setUp.slot),
    );
    if (!isReady) return false;
    throw new TailraceError(
      'PUBLICATION_ADDED',
      'the slot has come to where the publication of the append-only tables was made',
      'the producer goes on with it by itself',
    );
  }

  /** Begins those histories anew that are due, and those of tables that were rewritten while they were read. */
  async beginDue(captured: readonly SnapshotTable[]): Promise<void> {
    const { client, context, snapshot } = this.#session;
    const unkeyed = captured.filter(({ table }) => isKeyless(table));
    const reading = unkeyed.filter(({ oid }) => snapshot.isReading(oid));
    const files = await asSource(context.loaded.config.source.url, () =>
      readFiles(
        client,
        reading.map(({ oid }) => oid),
      ),
    );
    for (const { oid, table, filenode } of reading) {
      if (files.get(oid) === filenode || this.#due.has(oid)) continue;
      context.log.warn({ table: qualifiedName(table) }, 'the table was rewritten: its history begins anew');
      this.#due.set(oid, null);
    }
    for (const of of unkeyed) {
      const requestId = this.#due.get(of.oid);
      if (requestId !== undefined) await this.begin(of, requestId);
    }
  }

  /** Begins the history of a table without a key, or begins it anew; in vain while its writers do not let go of it. */
  async begin(of: SnapshotTable, requestId: string | null): Promise<void> {
    const { context, client, setUp, snapshot } = this.#session;
    const { pipeline, source } = context.loaded.config;
    const { oid, table } = of;
    // Topic and schema are there before the first event.
    await setUp.tables.destinations([table]);
    // What is on its way has the places of before.
    snapshot.remove(oid);
    const start = await asSource(source.url, () =>
      beginHistory(
        client,
        { pipeline, publication: insertPublicationName(setUp.slot) },
        { oid, schema: table.schema, name: table.name },
        {
          keep: (history) => this.#session.keepHistory(history),
          begin: (history) => setUp.histories.set(oid, history),
        },
      ),
    );
    if (start === null) {
      context.log.warn(
        { table: qualifiedName(table) },
        'the history waits until the writers let go of the table',
      );
      return;
    }
    const begun = { ...of, visibleIn: start.seen, filenode: start.filenode };
    this.#due.delete(oid);
    context.log.info({ table: qualifiedName(table) }, 'the history of a table without a key begins');
    await this.#session.begun(begun);
    await this.read(begun, start);
    const [destination] = await setUp.tables.destinations([table]);
    if (destination !== undefined && !destination.isHalted && setUp.tables.isHalted(destination.output.table))
      await setUp.tables.forgetHalted(destination.output.table);
    if (requestId !== null) await snapshot.request(begun, { id: requestId });
  }

  /** Asks for the rows that were there when the history began, unless that was done before. */
  async read(of: SnapshotTable, { xid }: HistoryStart): Promise<void> {
    const { context, snapshot } = this.#session;
    if (context.loaded.config.source.snapshot === 'never') return;
    await snapshot.request(of, { id: `history/${xid}` });
  }
}
