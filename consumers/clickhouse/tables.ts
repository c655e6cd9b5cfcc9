import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { cellWriterOf } from './cell.ts';
import { baseOf, type TableColumn } from './column-type.ts';
import type { StoredColumns } from './mapping.ts';
import { prepareTable, widenToText, type Database } from './structure.ts';

/** What this process knows of the sink's tables. */
export interface Tables {
  /** The target with its present schema, whose columns the view shows. */
  prepare(target: Target): Promise<void>;
  /**
   * The columns of a target's table, which has all of the target's. A schema that was never prepared is prepared here: an
   * event of an older schema brings back a column that the source has dropped, as if the table had been there all the time.
   */
  columnsOf(target: Target): Promise<StoredColumns>;
  /** Makes columns String, for values that their types cannot hold. */
  widen(target: Target, columns: ReadonlySet<string>): Promise<StoredColumns>;
}

export function openTables(database: Database): Tables {
  const stored = new Map<string, StoredColumns>();
  const prepared = new WeakSet<TableSchema>();

  function keep(target: Target, columns: readonly TableColumn[]): StoredColumns {
    const kept = new Map(columns.map(({ name, type }) => [name, { type, cell: cellWriterOf(baseOf(type)) }]));
    stored.set(target.name, kept);
    return kept;
  }

  async function prepare(target: Target, isPresent: boolean): Promise<StoredColumns> {
    const columns = keep(target, await prepareTable(database, target, isPresent));
    prepared.add(target.table);
    return columns;
  }

  return {
    async prepare(target) {
      await prepare(target, true);
    },

    async columnsOf(target) {
      const known = prepared.has(target.table) ? stored.get(target.name) : undefined;
      return known ?? prepare(target, false);
    },

    async widen(target, columns) {
      return keep(target, await widenToText(database, target.name, columns));
    },
  };
}
