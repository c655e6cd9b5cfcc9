import type { ClickHouseClient } from '@clickhouse/client';
import { TailraceError } from '../../core/errors.ts';
import type { Target } from '../sink.ts';
import { columnsOf, INTERNAL_COLUMNS, type TableColumn } from './mapping.ts';
import { addColumns, createTable, createView, viewOf } from './statements.ts';

const VIEW_ATTEMPTS = 5;

interface StoredColumn extends TableColumn {
  readonly inSortingKey: boolean;
}

/** Makes table and view of a target where they are missing and adds missing columns. Safe to run twice and at once. */
export async function prepareTable(client: ClickHouseClient, target: Target): Promise<void> {
  const wanted = columnsOf(target.table);
  await client.command({ query: createTable(target.name, wanted, target.table.key) });
  await assertEngine(client, target.name);
  const stored = await storedColumns(client, target.name);
  assertKey(target, stored);
  const missing = missingColumns(target.name, wanted, stored);
  if (missing.length > 0) await client.command({ query: addColumns(target.name, missing) });
  await refreshView(client, target.name);
}

async function assertEngine(client: ClickHouseClient, table: string): Promise<void> {
  const [found] = await select<{ engine: string; definition: string }>(
    client,
    'SELECT engine, engine_full AS definition FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    table,
  );
  // Replicated and shared variants of the engine are fine: the operator may have made the table.
  if (found !== undefined && /ReplacingMergeTree\(.*__pos, __deleted\)/.test(found.definition)) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `${table} exists in ClickHouse with the engine ${found?.engine ?? 'of nothing'}, expected ReplacingMergeTree(__pos, __deleted)`,
    'rename or drop what stands under that name, or give this sink another database.',
  );
}

function assertKey(target: Target, stored: readonly StoredColumn[]): void {
  const found = stored.filter(({ inSortingKey }) => inSortingKey).map(({ name }) => name);
  if (new Set(found).symmetricDifference(new Set(target.table.key)).size === 0) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `table ${target.name} of ClickHouse is ordered by (${found.join(', ')}), the source's key is (${target.table.key.join(', ')})`,
    'rename the table in ClickHouse and replay the sink, which makes it anew.',
  );
}

function missingColumns(
  table: string,
  wanted: readonly TableColumn[],
  stored: readonly TableColumn[],
): TableColumn[] {
  const types = new Map(stored.map(({ name, type }) => [name, type]));
  const conflict = wanted.find(({ name, type }) => (types.get(name) ?? type) !== type);
  if (conflict === undefined) return wanted.filter(({ name }) => !types.has(name));
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${conflict.name} of table ${table} of ClickHouse is ${types.get(conflict.name)}, the source needs ${conflict.type}`,
    'change it with ALTER TABLE ... MODIFY COLUMN, or rename the table in ClickHouse and replay the sink.',
  );
}

/**
 * The view shows every column that the table has, so that it never loses one to a process with an older schema. Each
 * process looks again after it replaced the view, so the last one leaves it complete.
 */
async function refreshView(client: ClickHouseClient, table: string): Promise<void> {
  for (let attempt = 1; attempt <= VIEW_ATTEMPTS; attempt++) {
    const wanted = (await storedColumns(client, table)).filter(
      ({ name }) => !INTERNAL_COLUMNS.some((internal) => internal.name === name),
    );
    const shown = await storedColumns(client, viewOf(table));
    if (signature(wanted) === signature(shown)) return;
    const names = wanted.map(({ name }) => name);
    await client.command({ query: createView(table, names) });
  }
}

function signature(columns: readonly TableColumn[]): string {
  return JSON.stringify(columns.map(({ name, type }) => [name, type]));
}

/** In the order of the table; empty when there is no such table. */
async function storedColumns(client: ClickHouseClient, table: string): Promise<readonly StoredColumn[]> {
  return select<StoredColumn>(
    client,
    'SELECT name, type, is_in_sorting_key = 1 AS inSortingKey FROM system.columns ' +
      'WHERE database = currentDatabase() AND table = {name:String} ORDER BY position',
    table,
  );
}

async function select<Found>(client: ClickHouseClient, query: string, name: string): Promise<Found[]> {
  const answer = await client.query({ query, query_params: { name }, format: 'JSONEachRow' });
  return answer.json<Found>();
}
