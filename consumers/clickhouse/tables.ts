import type { TableSchema } from '../../schemas/table-schema.ts';
import type { SinkContext, Target } from '../sink.ts';
import { aggregatesOf } from './aggregate.ts';
import { prepareAggregate } from './aggregate-views.ts';
import type { ClickHouseTableOptions } from './config.ts';
import { storedColumnsOf, type StoredColumns } from './mapping.ts';
import { prepareTable, widenToText, type Database } from './structure.ts';
import { assertColumns, layoutsOf } from './table-layout.ts';

/** What this process knows of the sink's tables. */
export interface Tables {
  /** The target with its present schema, whose columns the view shows. */
  prepare(target: Target): Promise<void>;
  /**
   * The columns of one of a target's tables, which has all of the target's. A schema that was never prepared is prepared here:
   * an event of an older schema brings back a column that the source has dropped, as if the table had been there all the time.
   */
  columnsOf(target: Target, table: string): Promise<StoredColumns>;
  /** Makes columns String in all tables of the target, for values that their types cannot hold; the columns of one of them. */
  widen(target: Target, table: string, columns: ReadonlySet<string>): Promise<StoredColumns>;
}

export function openTables(
  database: Database,
  tableOptions: SinkContext<ClickHouseTableOptions>['tableOptions'],
): Tables {
  const stored = new Map<string, StoredColumns>();
  const prepared = new WeakSet<TableSchema>();

  function columnsOf(table: string): StoredColumns {
    const columns = stored.get(table);
    if (columns === undefined) throw new RangeError(`${table} was not prepared`);
    return columns;
  }

  async function prepare(target: Target, isPresent: boolean): Promise<void> {
    const options = tableOptions(target.table);
    for (const layout of layoutsOf(target, options))
      stored.set(layout.name, storedColumnsOf(await prepareTable(database, layout, isPresent)));
    prepared.add(target.table);
  }

  /** Aggregates are those of the present schema alone: what older ones lack is no mistake. */
  const present = new Map<string, Target>();

  /** After each change of the columns, since an aggregate is made of their types. */
  async function prepareAggregates({ name }: Target): Promise<void> {
    const now = present.get(name);
    if (now === undefined) return;
    for (const aggregate of aggregatesOf(now, tableOptions(now.table)))
      await prepareAggregate(database, aggregate);
  }

  return {
    async prepare(target) {
      assertColumns(target, tableOptions(target.table));
      aggregatesOf(target, tableOptions(target.table));
      await prepare(target, true);
      present.set(target.name, target);
      await prepareAggregates(target);
    },

    async columnsOf(target, table) {
      if (!prepared.has(target.table)) {
        await prepare(target, false);
        await prepareAggregates(target);
      }
      return columnsOf(table);
    },

    async widen(target, table, columns) {
      for (const layout of layoutsOf(target, tableOptions(target.table)))
        stored.set(layout.name, storedColumnsOf(await widenToText(database, layout, columns)));
      await prepareAggregates(target);
      return columnsOf(table);
    },
  };
}
