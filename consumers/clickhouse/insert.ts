import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Target, Write, WriteOutcome } from '../sink.ts';
import { classify, withoutValues } from './errors.ts';
import { cellsOf, INTERNAL_COLUMNS, type StoredColumns } from './mapping.ts';
import { quoteName } from './statements.ts';
import type { Tables } from './tables.ts';

/** How rows are sent. */
export interface Inserter {
  readonly client: ClickHouseClient;
  readonly settings: ClickHouseSettings;
}

interface Item {
  /** Where the write stands in the batch. */
  readonly position: number;
  readonly write: Write;
}

interface Row {
  readonly position: number;
  readonly cells: ReturnType<typeof cellsOf>;
}

/**
 * Applies writes by one INSERT a table schema and answers one outcome each, in order: `applied`, because the table itself
 * keeps the highest version of a key, or `rejected`. Throws when an insert failed for a reason that no row is to blame for.
 */
export async function insertWrites(
  inserter: Inserter,
  tables: Tables,
  writes: readonly Write[],
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const items = writes.map((write, position): Item => ({ position, write }));
  for (const [target, own] of Map.groupBy(items, ({ write }) => write.target)) {
    const rows = await rowsOf(tables, target, own, outcomes);
    await insertRows(inserter, target, rows, outcomes);
  }
  return outcomes;
}

/** Maps the writes of a target to rows. A column that cannot hold one of the values is made one that can. */
async function rowsOf(
  tables: Tables,
  target: Target,
  items: readonly Item[],
  outcomes: WriteOutcome[],
): Promise<readonly Row[]> {
  const misfits = new Set<string>();
  const rows = mapRows(await tables.columnsOf(target), items, outcomes, misfits);
  if (misfits.size === 0) return rows;
  // A String holds every value, so the second time no column is left over.
  return mapRows(await tables.widen(target, misfits), items, outcomes, misfits);
}

function mapRows(
  stored: StoredColumns,
  items: readonly Item[],
  outcomes: WriteOutcome[],
  misfits: Set<string>,
): Row[] {
  const rows: Row[] = [];
  for (const { position, write } of items) {
    try {
      rows.push({ position, cells: cellsOf(write, stored, misfits) });
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      outcomes[position] = { result: 'rejected', error };
    }
  }
  return rows;
}

/** When the server refuses the rows for what they hold, they are halved until the row to blame stands alone. */
async function insertRows(
  inserter: Inserter,
  target: Target,
  rows: readonly Row[],
  outcomes: WriteOutcome[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  try {
    await insert(inserter, target, rows);
    for (const { position } of rows) outcomes[position] = { result: 'applied' };
  } catch (error) {
    const verdict = classify(error);
    if (verdict.outcome !== 'park') throw error;
    if (rows.length === 1) {
      const message = `a row of ${target.name}: ${toError(error).message}`;
      const rejection = new TailraceError('SINK_EVENT_REJECTED', message, verdict.sentence);
      outcomes[first.position] = { result: 'rejected', error: rejection };
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    await insertRows(inserter, target, rows.slice(0, middle), outcomes);
    await insertRows(inserter, target, rows.slice(middle), outcomes);
  }
}

async function insert(
  { client, settings }: Inserter,
  { name, table }: Target,
  rows: readonly Row[],
): Promise<void> {
  const columns = [...table.columns, ...INTERNAL_COLUMNS].map((column) => quoteName(column.name));
  const [first = '', ...rest] = columns;
  try {
    await client.insert({
      table: quoteName(name),
      columns: [first, ...rest],
      format: 'JSONCompactEachRow',
      values: rows.map(({ cells }) => cells),
      clickhouse_settings: settings,
    });
  } catch (error) {
    throw withoutValues(error);
  }
}
