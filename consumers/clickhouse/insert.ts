import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Target, Write, WriteOutcome } from '../sink.ts';
import { classify, withoutValues } from './errors.ts';
import { cellsOf, columnsOf, type Cell } from './mapping.ts';
import { quoteName } from './statements.ts';

interface Item {
  /** Where the write stands in the batch. */
  readonly position: number;
  readonly target: Target;
  readonly cells: readonly Cell[];
}

/**
 * Applies writes by one INSERT a table and answers one outcome each, in order: `applied`, because the table itself keeps
 * the highest version of a key, or `rejected`. Throws when an insert failed for a reason that no row is to blame for.
 */
export async function insertWrites(
  client: ClickHouseClient,
  settings: ClickHouseSettings,
  writes: readonly Write[],
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const items: Item[] = [];
  for (const [position, write] of writes.entries()) {
    try {
      items.push({ position, target: write.target, cells: cellsOf(write) });
    } catch (error) {
      outcomes[position] = { result: 'rejected', error: toError(error) };
    }
  }
  for (const rows of Map.groupBy(items, ({ target }) => target).values())
    await insertRows(client, settings, rows, outcomes);
  return outcomes;
}

/** When the server refuses the rows for what they hold, they are halved until the row to blame stands alone. */
async function insertRows(
  client: ClickHouseClient,
  settings: ClickHouseSettings,
  rows: readonly Item[],
  outcomes: WriteOutcome[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  try {
    await insert(client, settings, first.target, rows);
    for (const { position } of rows) outcomes[position] = { result: 'applied' };
  } catch (error) {
    const verdict = classify(error);
    if (verdict.outcome !== 'park') throw error;
    if (rows.length === 1) {
      const message = `a row of ${first.target.name}: ${toError(error).message}`;
      const rejection = new TailraceError('SINK_EVENT_REJECTED', message, verdict.sentence);
      outcomes[first.position] = { result: 'rejected', error: rejection };
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    await insertRows(client, settings, rows.slice(0, middle), outcomes);
    await insertRows(client, settings, rows.slice(middle), outcomes);
  }
}

async function insert(
  client: ClickHouseClient,
  settings: ClickHouseSettings,
  target: Target,
  rows: readonly Item[],
): Promise<void> {
  const [first = '', ...rest] = columnsOf(target.table).map(({ name }) => quoteName(name));
  try {
    await client.insert({
      table: quoteName(target.name),
      columns: [first, ...rest],
      format: 'JSONCompactEachRow',
      values: rows.map(({ cells }) => cells),
      clickhouse_settings: settings,
    });
  } catch (error) {
    throw withoutValues(error);
  }
}
