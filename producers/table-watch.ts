import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Destination } from './captured-tables.ts';
import type { ProducerContext } from './context.ts';
import { asSource } from './failures.ts';
import { isKeyless, listTables, type CatalogTable } from './postgres/tables/catalog.ts';
import type { SnapshotTable } from './postgres/snapshot/chunk-query.ts';
import { findTableProblems } from './postgres/tables/table-problems.ts';
import { publicationStatements } from './postgres/slot/slot.ts';
import { currentSnapshot } from './postgres/snapshot/snapshot.ts';
import { sees, type TransactionSnapshot } from './postgres/snapshot/snapshot-window.ts';
import type { SnapshotRequest } from './postgres/snapshot/snapshot-progress.ts';
import type { HistoryStart } from './postgres/tables/table-history.ts';
import { anewMessage } from './postgres/stream/wal-message.ts';
import { readTableShapes, type TableShape } from './postgres/tables/table-shapes.ts';
import { readCapturedTable, type SetUp } from './set-up.ts';
import { PartitionWatch } from './partition-watch.ts';
import { reasonToReadAgain, refuseOtherKey } from './schema-change.ts';
import type { SnapshotTask } from './snapshot/snapshot-task.ts';
import { TableHistories } from './table-histories.ts';

/** What the watch needs of the session around it. */
export interface WatchedSession {
  readonly context: ProducerContext;
  /** A connection that nothing long runs on. */
  readonly client: pg.Client;
  readonly setUp: SetUp;
  readonly snapshot: SnapshotTask;
  /** Makes the beginning of a history safe. */
  keepHistory(start: HistoryStart): Promise<void>;
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
  readonly #histories: TableHistories;
  readonly #partitions: PartitionWatch;
  /** Tables that cannot be captured, each told once. */
  readonly #refused = new Set<number>();

  constructor(session: WatchedSession) {
    this.#session = session;
    this.#partitions = new PartitionWatch(session.context.log);
    this.#histories = new TableHistories({
      ...session,
      keepHistory: (start) => session.keepHistory(start),
      begun: async (of) => {
        this.#captured.set(of.oid, of);
        await this.#publish([of]);
      },
    });
  }

  /** The captured tables as they are now. */
  get captured(): readonly SnapshotTable[] {
    return [...this.#captured.values()];
  }

  /** Takes over the tables of the set-up, which may have changed while nothing ran. */
  async start(captured: readonly SnapshotTable[]): Promise<void> {
    this.#shapes = await this.#readShapes(captured.map(({ oid }) => oid));
    for (const of of captured) this.#captured.set(of.oid, of);
    const { snapshot, context } = this.#session;
    for (const of of await this.#beginAnew(captured))
      if (context.loaded.config.source.snapshot !== 'never')
        await snapshot.request(of, { id: `added/${of.oid}` });
    await this.#tell(captured, (of, destination) => this.#reasonAtStart(of, destination));
    await this.#resumeMended();
    // An earlier process may have ended between the beginning of a history and the wish to read it.
    for (const of of captured) {
      const history = this.#session.setUp.histories.get(of.oid);
      if (history !== undefined && !this.#histories.isDue(of.oid)) await this.#histories.read(of, history);
    }
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
    await asSource(source.url, () => this.#partitions.check(client, this.captured));
    await this.#session.setUp.tables.checkRegistry();
    await this.#resumeMended();
    await this.#readAdded();
    await this.#histories.beginDue(this.captured);
  }

  async #addNew(found: readonly CatalogTable[], selected: readonly CatalogTable[]): Promise<void> {
    const fit = await this.#findFit(found);
    const keyed = fit.filter(({ hasPrimaryKey }) => hasPrimaryKey);
    if (keyed.length > 0) await this.#addKeyed(keyed, selected);
    for (const table of fit) if (!table.hasPrimaryKey) await this.#beginNew(table);
  }

  /** The tables that can be captured; of the others each is told once. */
  async #findFit(found: readonly CatalogTable[]): Promise<CatalogTable[]> {
    const { context, client } = this.#session;
    const { url, appendOnly } = context.loaded.config.source;
    if (found.length === 0) return [];
    const captureds = this.captured.map(({ table }) => table);
    const problems = await asSource(url, () => findTableProblems(client, found, appendOnly, captureds));
    const fit: CatalogTable[] = [];
    for (const table of found) {
      const problem = problems.get(table.oid) ?? null;
      if (problem === null) fit.push(table);
      else if (!this.#refused.has(table.oid)) {
        this.#refused.add(table.oid);
        context.log.error(
          { code: problem.code, fix: problem.fix },
          `a new table is not captured: ${problem.message}`,
        );
      }
    }
    return fit;
  }

  async #addKeyed(found: readonly CatalogTable[], selected: readonly CatalogTable[]): Promise<void> {
    const { context, client, setUp } = this.#session;
    const { url } = context.loaded.config.source;
    const captured: SnapshotTable[] = [];
    for (const { oid } of found) {
      const of = await asSource(url, () => readCapturedTable(context, client, oid, setUp.histories));
      if (of !== null) captured.push(of);
    }
    // Topic and schema are there before the first event, and nothing of the table comes before its topic is empty.
    await setUp.tables.destinations(captured.map(({ table }) => table));
    await this.#beginAnew(captured);
    const published = selected.filter(
      ({ oid, hasPrimaryKey }) =>
        hasPrimaryKey && (this.#captured.has(oid) || found.some((table) => table.oid === oid)),
    );
    const running = await asSource(url, async () => {
      for (const statement of await publicationStatements(client, setUp.slot, published))
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
    const { context, client, setUp, snapshot } = this.#session;
    const { url } = context.loaded.config.source;
    const shapes = await this.#readShapes(
      selected.map(({ oid }) => oid).filter((oid) => this.#captured.has(oid)),
    );
    const changed: SnapshotTable[] = [];
    for (const [oid, shape] of shapes) {
      if (this.#shapes.get(oid)?.digest === shape.digest) continue;
      const of = await asSource(url, () => readCapturedTable(context, client, oid, setUp.histories));
      if (of === null) continue;
      this.#shapes.set(oid, shape);
      this.#captured.set(oid, of);
      snapshot.tableChanged(of);
      changed.push(of);
    }
    if (changed.length === 0) return;
    const others = new Set(await this.#beginAnew(changed));
    await this.#tell(changed, (of, destination) =>
      others.has(of) ? 'renamed' : this.#reasonWhileRunning(of, destination),
    );
  }

  /** Empties the topics that hold rows of another table, which had the name before; returns the tables that have it now. */
  async #beginAnew(captured: readonly SnapshotTable[]): Promise<SnapshotTable[]> {
    const { context, client, setUp } = this.#session;
    const { pipeline, source } = context.loaded.config;
    const begun: SnapshotTable[] = [];
    for (const of of captured) {
      const [destination] = await setUp.tables.destinations([of.table]);
      const before =
        destination === undefined ? undefined : setUp.tables.publishedOid(destination.output.table);
      // A history begins anew by itself.
      if (before === undefined || before === of.oid || isKeyless(of.table)) continue;
      await asSource(source.url, () => client.query(anewMessage(pipeline, of.oid)));
      context.log.warn(
        { table: qualifiedName(of.table) },
        'another table has this name by now: the rows of the one before it go from topic and stores',
      );
      begun.push(of);
    }
    return begun;
  }

  /** Reads tables again that were halted and may go on: what came meanwhile was written nowhere. */
  async #resumeMended(): Promise<void> {
    const { context, setUp, snapshot } = this.#session;
    for (const of of this.captured) {
      const [destination] = await setUp.tables.destinations([of.table]);
      if (destination === undefined || destination.isHalted) continue;
      const { table } = destination.output;
      if (!setUp.tables.isHalted(table)) continue;
      context.log.info({ table: qualifiedName(table) }, 'the table was halted, goes on and is read again');
      if (isKeyless(of.table)) {
        // It is no longer halted once its history has begun anew.
        this.#histories.restart(of.oid, null);
        continue;
      }
      await this.#publish([of]);
      await snapshot.request(of, { id: `changed/${randomUUID()}` });
      await setUp.tables.forgetHalted(table);
    }
  }

  /** What remains of a table that is gone: its topic and its rows in the stores. */
  #forgetGone(selected: readonly CatalogTable[]): void {
    const { context, snapshot } = this.#session;
    for (const { oid, table } of this.captured) {
      if (selected.some((each) => each.oid === oid)) continue;
      this.#captured.delete(oid);
      this.#shapes.delete(oid);
      this.#added = this.#added.filter(({ of }) => of.oid !== oid);
      this.#histories.forget(oid);
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
    const { context, setUp, snapshot } = this.#session;
    const { source } = context.loaded.config;
    const destinations = await setUp.tables.destinations(captured.map(({ table }) => table));
    for (const [place, of] of captured.entries()) {
      const destination = destinations[place];
      // A halted table is read again once it may go on.
      const reason = destination === undefined || destination.isHalted ? null : reasonOf(of, destination);
      if (reason === null || source.snapshot === 'never') continue;
      context.log.info({ table: qualifiedName(of.table), reason }, 'the table has changed and is read again');
      if (isKeyless(of.table)) this.#histories.restart(of.oid, null);
      else await snapshot.request(of, { id: `changed/${randomUUID()}` });
    }
    // Consumers get to know the shape of a history that begins anew when it does: a restart sees the change until then.
    await this.#publish(captured.filter(({ oid }) => !this.#histories.isDue(oid)));
  }

  /** Reads a table again because somebody asks for it. */
  async readAgain(of: SnapshotTable, request: SnapshotRequest): Promise<void> {
    const { context, snapshot } = this.#session;
    if (!isKeyless(of.table)) await snapshot.request(of, request);
    else if (!snapshot.knows(of, request.id)) {
      if (request.where !== undefined)
        context.log.warn({ table: qualifiedName(of.table) }, 'a table without a key is read as a whole');
      this.#histories.restart(of.oid, request.id);
    }
  }

  async #beginNew({ oid }: CatalogTable): Promise<void> {
    const { context, client, setUp } = this.#session;
    if (!(await this.#histories.mayBegin())) return;
    const of = await asSource(context.loaded.config.source.url, () =>
      readCapturedTable(context, client, oid, setUp.histories),
    );
    if (of === null) return;
    for (const [each, shape] of await this.#readShapes([oid])) this.#shapes.set(each, shape);
    await this.#histories.begin(of, null);
  }

  async #publish(captured: readonly SnapshotTable[]): Promise<void> {
    const { tables } = this.#session.setUp;
    const destinations = await tables.destinations(captured.map(({ table }) => table));
    await tables.publish(
      destinations.map((destination, place) => ({
        destination,
        oid: captured[place]?.oid ?? 0,
        columns: this.#shapes.get(captured[place]?.oid ?? 0)?.columns ?? {},
      })),
    );
  }

  /** Why a table must be read again that was there when the session began. Tables that were never read are read anyway. */
  #reasonAtStart(of: SnapshotTable, { output, topic }: Destination): string | null {
    const before = this.#session.setUp.tables.published(output.table);
    if (before === undefined) return null;
    if (topic.lastPositions.every((last) => last === null))
      return this.#session.snapshot.isDone(of.table) ? 'its topic is empty' : null;
    return this.#reasonOfChange(of, before, output.table, topic.name);
  }

  #reasonWhileRunning(of: SnapshotTable, { output, topic }: Destination): string | null {
    const before = this.#session.setUp.tables.published(output.table);
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
    const columns = this.#session.setUp.tables.publishedColumns(output) ?? shape.columns;
    return reasonToReadAgain({ table, columns }, { table: output, columns: shape.columns }, shape.filled);
  }

  #readShapes(oids: readonly number[]): Promise<Map<number, TableShape>> {
    const { context, client } = this.#session;
    return asSource(context.loaded.config.source.url, () => readTableShapes(client, oids));
  }
}
