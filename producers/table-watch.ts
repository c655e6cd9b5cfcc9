import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { TailraceError } from '../core/errors.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { CapturedTables, Destination } from './captured-tables.ts';
import type { ProducerContext } from './context.ts';
import { asSource } from './failures.ts';
import { listTables, type CatalogTable } from './postgres/catalog.ts';
import type { SnapshotTable } from './postgres/chunk-query.ts';
import { publicationStatements } from './postgres/slot.ts';
import { currentSnapshot } from './postgres/snapshot.ts';
import { sees, type TransactionSnapshot } from './postgres/snapshot-window.ts';
import { readTableShapes, type TableShape } from './postgres/table-shapes.ts';
import { readCapturedTable } from './set-up.ts';
import { reasonToReadAgain, refuseOtherKey } from './schema-change.ts';
import type { SnapshotTask } from './snapshot-task.ts';

/** What the watch needs of the session around it. */
export interface WatchedSession {
  readonly context: ProducerContext;
  /** A connection that nothing long runs on. */
  readonly client: pg.Client;
  readonly publication: string;
  readonly tables: CapturedTables;
  readonly snapshot: SnapshotTask;
}

/** A table that was published while transactions ran: what these wrote to it before is not in the stream. */
interface Added {
  readonly of: SnapshotTable;
  readonly running: TransactionSnapshot;
}

/**
 * Follows the tables' changes, which the stream does not tell: new, renamed and dropped tables, and columns whose change
 * reaches rows without writing them. It sees to it that consumers know the present schemas, and that a table is read again
 * where its old rows are no longer right.
 */
export class TableWatch {
  readonly #session: WatchedSession;
  readonly #captured = new Map<number, SnapshotTable>();
  #shapes = new Map<number, TableShape>();
  #added: Added[] = [];
  /** Tables that cannot be captured, each told once. */
  readonly #refused = new Set<number>();

  constructor(session: WatchedSession) {
    this.#session = session;
  }

  /** The captured tables as they are now. */
  get captured(): readonly SnapshotTable[] {
    return [...this.#captured.values()];
  }

  /** Takes over the tables of the set-up, which may have changed while nothing ran. */
  async start(captured: readonly SnapshotTable[]): Promise<void> {
    this.#shapes = await this.#readShapes(captured.map(({ oid }) => oid));
    for (const of of captured) this.#captured.set(of.oid, of);
    await this.#tell(captured, (of, destination) => this.#reasonAtStart(of, destination));
  }

  /** Looks at the catalogue. Throws SOURCE_*, KAFKA_*, REGISTRY_* and TABLE_KEY_CHANGED. */
  async check(): Promise<void> {
    const { context, client } = this.#session;
    const { source } = context.loaded.config;
    const all = await asSource(source.url, () => listTables(client));
    const selected = all.filter(
      (table) => matchesTable(source.tables, table) && !matchesTable(source.exclude, table),
    );
    await this.#addNew(
      selected.filter(({ oid }) => !this.#captured.has(oid)),
      selected,
    );
    await this.#followChanged(selected);
    this.#forgetGone(selected);
    await this.#readAdded();
  }

  async #addNew(found: readonly CatalogTable[], selected: readonly CatalogTable[]): Promise<void> {
    const { context, client, publication, tables } = this.#session;
    const { url } = context.loaded.config.source;
    const fit: CatalogTable[] = [];
    for (const table of found) {
      const problem = table.hasPrimaryKey ? null : withoutKey(table);
      if (problem === null) fit.push(table);
      else if (!this.#refused.has(table.oid)) {
        this.#refused.add(table.oid);
        context.log.error(
          { code: problem.code, fix: problem.fix },
          `a new table is not captured: ${problem.message}`,
        );
      }
    }
    if (fit.length === 0) return;
    const captured: SnapshotTable[] = [];
    for (const { oid } of fit) {
      const of = await asSource(url, () => readCapturedTable(context, client, oid));
      if (of !== null) captured.push(of);
    }
    // Topic and schema are there before the first event.
    await tables.destinations(captured.map(({ table }) => table));
    const published = selected.filter(
      ({ oid }) => this.#captured.has(oid) || fit.some((table) => table.oid === oid),
    );
    const running = await asSource(url, async () => {
      for (const statement of await publicationStatements(client, publication, published))
        await client.query(statement);
      return currentSnapshot(client);
    });
    for (const of of captured) {
      this.#captured.set(of.oid, of);
      this.#added.push({ of, running });
      context.log.info({ table: qualifiedName(of.table) }, 'a new table is captured');
    }
    for (const [oid, shape] of await this.#readShapes(captured.map(({ oid }) => oid)))
      this.#shapes.set(oid, shape);
    await this.#publish(captured);
  }

  async #followChanged(selected: readonly CatalogTable[]): Promise<void> {
    const { context, client, snapshot } = this.#session;
    const { url } = context.loaded.config.source;
    const shapes = await this.#readShapes(
      selected.map(({ oid }) => oid).filter((oid) => this.#captured.has(oid)),
    );
    const changed: SnapshotTable[] = [];
    for (const [oid, shape] of shapes) {
      if (this.#shapes.get(oid)?.digest === shape.digest) continue;
      const of = await asSource(url, () => readCapturedTable(context, client, oid));
      if (of === null) continue;
      this.#shapes.set(oid, shape);
      this.#captured.set(oid, of);
      snapshot.tableChanged(of);
      changed.push(of);
    }
    if (changed.length > 0)
      await this.#tell(changed, (of, destination) => this.#reasonWhileRunning(of, destination));
  }

  /** What remains of a table that is gone: its topic and its rows in the stores. */
  #forgetGone(selected: readonly CatalogTable[]): void {
    const { context, snapshot } = this.#session;
    for (const { oid, table } of this.captured) {
      if (selected.some((each) => each.oid === oid)) continue;
      this.#captured.delete(oid);
      this.#shapes.delete(oid);
      this.#added = this.#added.filter(({ of }) => of.oid !== oid);
      snapshot.remove(oid);
      context.log.warn(
        { table: qualifiedName(table) },
        'the table was dropped or renamed to a name that is not captured: its topic and its rows in the stores stay',
      );
    }
  }

  /** Reads new tables once no transaction runs that could have written to them before they were published. */
  async #readAdded(): Promise<void> {
    const { context, client, snapshot } = this.#session;
    const { source } = context.loaded.config;
    if (this.#added.length === 0) return;
    const now = await asSource(source.url, () => currentSnapshot(client));
    const ready = this.#added.filter(({ running }) => [...running.inProgress].every((xid) => sees(now, xid)));
    this.#added = this.#added.filter((added) => !ready.includes(added));
    if (source.snapshot === 'never') return;
    for (const { of } of ready) await snapshot.request(of, { id: `added/${of.oid}` });
  }

  /** Makes schemas known and asks for the tables whose old rows are not right any more; in this order, safe from a crash. */
  async #tell(
    captured: readonly SnapshotTable[],
    reasonOf: (of: SnapshotTable, destination: Destination) => string | null,
  ): Promise<void> {
    const { context, tables, snapshot } = this.#session;
    const destinations = await tables.destinations(captured.map(({ table }) => table));
    for (const [place, of] of captured.entries()) {
      const destination = destinations[place];
      const reason = destination === undefined ? null : reasonOf(of, destination);
      if (reason === null || context.loaded.config.source.snapshot === 'never') continue;
      context.log.info({ table: qualifiedName(of.table), reason }, 'the table has changed and is read again');
      await snapshot.request(of, { id: `changed/${randomUUID()}` });
    }
    await this.#publish(captured);
  }

  async #publish(captured: readonly SnapshotTable[]): Promise<void> {
    const { tables } = this.#session;
    const destinations = await tables.destinations(captured.map(({ table }) => table));
    await tables.publish(
      destinations.map((destination, place) => ({
        destination,
        columns: this.#shapes.get(captured[place]?.oid ?? 0)?.columns ?? {},
      })),
    );
  }

  /** Why a table must be read again that was there when the session began. Tables that were never read are read anyway. */
  #reasonAtStart(of: SnapshotTable, { output, topic }: Destination): string | null {
    const before = this.#session.tables.published(output.table);
    if (before === undefined) return null;
    if (topic.lastPositions.every((last) => last === null))
      return this.#session.snapshot.isDone(of.table) ? 'its topic is empty' : null;
    return this.#reasonOfChange(of, before, output.table, topic.name);
  }

  #reasonWhileRunning(of: SnapshotTable, { output, topic }: Destination): string | null {
    const before = this.#session.tables.published(output.table);
    return before === undefined ? 'renamed' : this.#reasonOfChange(of, before, output.table, topic.name);
  }

  #reasonOfChange(
    { oid }: SnapshotTable,
    table: TableSchema,
    output: TableSchema,
    topic: string,
  ): string | null {
    refuseOtherKey(table, output, topic);
    const shape = this.#shapes.get(oid);
    if (shape === undefined) return null;
    const columns = this.#session.tables.publishedColumns(output) ?? shape.columns;
    return reasonToReadAgain({ table, columns }, { table: output, columns: shape.columns }, shape.filled);
  }

  #readShapes(oids: readonly number[]): Promise<Map<number, TableShape>> {
    const { context, client } = this.#session;
    return asSource(context.loaded.config.source.url, () => readTableShapes(client, oids));
  }
}

function withoutKey(table: CatalogTable): TailraceError {
  return new TailraceError(
    'TABLE_WITHOUT_KEY',
    `table ${qualifiedName(table)} has no primary key`,
    'add one',
  );
}
