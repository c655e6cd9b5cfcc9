import type { ClickHouseClient } from '@clickhouse/client';
import { TailraceError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Target } from '../sink.ts';
import { baseOf, isKnownType, isNullable, nullable, widestOf, type TableColumn } from './column-type.ts';
import { columnsOf, fillAnew, INTERNAL_COLUMNS, type TextColumns } from './mapping.ts';
import { alterColumns, createTable, createView, viewOf } from './statements.ts';

const VIEW_ATTEMPTS = 5;

export interface Database {
  readonly client: ClickHouseClient;
  readonly textColumns: TextColumns;
  readonly log: Logger;
}

interface StoredColumn extends TableColumn {
  readonly inSortingKey: boolean;
}

/**
 * Makes table and view of a target where they are missing, adds missing columns, and widens those that cannot hold all
 * values of the target's. No column is ever dropped or narrowed, so an older schema that comes again changes nothing; the
 * view shows the columns of the present one (`isPresent`). Safe to run twice and at once. Answers the columns of the table.
 */
export async function prepareTable(
  database: Database,
  target: Target,
  isPresent: boolean,
): Promise<readonly TableColumn[]> {
  const { client, textColumns, log } = database;
  const wanted = columnsOf(target, textColumns);
  await client.command({ query: createTable(target.name, wanted, target.table.key) });
  await assertEngine(client, target.name);
  const stored = await storedColumns(client, target.name);
  assertKey(target, stored);
  const { added, modified } = neededChanges(target, wanted, stored);
  if (added.length + modified.length > 0)
    await client.command({ query: alterColumns(target.name, { added, modified }) });
  for (const { name, type } of modified)
    log.warn({ table: target.name, column: name, from: typeOf(stored, name), to: type }, 'widened a column');
  await refreshView(client, target.name, isPresent ? wanted : null);
  return storedColumns(client, target.name);
}

/**
 * The columns that the table lacks, and those that need a wider type. Throws SINK_SCHEMA_CONFLICT for one that cannot be
 * widened.
 */
export function neededChanges(
  target: Target,
  wanted: readonly TableColumn[],
  stored: readonly TableColumn[],
): { readonly added: readonly TableColumn[]; readonly modified: readonly TableColumn[] } {
  return {
    added: wanted.filter(({ name }) => typeOf(stored, name) === undefined),
    modified: wanted.flatMap((column) => widened(target, column, typeOf(stored, column.name) ?? column.type)),
  };
}

function typeOf(columns: readonly TableColumn[], name: string): string | undefined {
  return columns.find((column) => column.name === name)?.type;
}

/** Makes columns String, because they have to hold values that their types cannot. Answers the columns of the table. */
export async function widenToText(
  { client, log }: Database,
  table: string,
  columns: ReadonlySet<string>,
): Promise<readonly TableColumn[]> {
  const modified = [...columns].map((name) => ({ name, type: nullable('String') }));
  await client.command({ query: alterColumns(table, { added: [], modified }) });
  for (const name of columns)
    log.warn({ table, column: name }, 'made a column String, because a value does not fit its type');
  await refreshView(client, table, null);
  return storedColumns(client, table);
}

/** The column with the type that holds what is stored and what is wanted; nothing where the stored one does. */
function widened(target: Target, { name, type: wanted }: TableColumn, stored: string): TableColumn[] {
  if (stored === wanted) return [];
  const base = baseOf(stored);
  const widest = widestOf(base, baseOf(wanted));
  const isKey = target.table.key.includes(name);
  const isFixed = isKey || INTERNAL_COLUMNS.some((internal) => internal.name === name);
  if (widest === base && (isFixed || isNullable(stored))) return [];
  if (isFixed || !isKnownType(base)) throw typeConflict(target, name, stored, wanted);
  return [{ name, type: nullable(widest) }];
}

function typeConflict(
  { name: table }: Target,
  column: string,
  stored: string,
  wanted: string,
): TailraceError {
  return new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${column} of table ${table} of ClickHouse is ${stored}, the source needs ${wanted}, and Tailrace cannot change it`,
    `change it yourself, or ${fillAnew(table)}.`,
  );
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

function assertKey({ name, table }: Target, stored: readonly StoredColumn[]): void {
  const found = stored.filter(({ inSortingKey }) => inSortingKey).map((column) => column.name);
  if (new Set(found).symmetricDifference(new Set(table.key)).size === 0) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `table ${name} of ClickHouse is ordered by (${found.join(', ')}), the source's key is (${table.key.join(', ')})`,
    `${fillAnew(name)}.`,
  );
}

/**
 * The view shows the columns of the present schema; without one, those that it has shown so far. Each process looks again
 * after it replaced the view, so the last one leaves it with the types that the table has.
 */
async function refreshView(
  client: ClickHouseClient,
  table: string,
  present: readonly TableColumn[] | null,
): Promise<void> {
  for (let attempt = 1; attempt <= VIEW_ATTEMPTS; attempt++) {
    const shown = await storedColumns(client, viewOf(table));
    const chosen = present ?? (shown.length === 0 ? null : shown);
    const wanted = (await storedColumns(client, table)).filter(
      ({ name }) =>
        !INTERNAL_COLUMNS.some((internal) => internal.name === name) &&
        (chosen?.some((column) => column.name === name) ?? true),
    );
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

/** Throws TABLE_NAMES_COLLIDE where a table of the sink would have the name of another's view. */
export function assertNoViewAmong(targets: readonly Target[]): void {
  const views = new Map(targets.map(({ name }) => [viewOf(name), name]));
  const taken = targets.find(({ name }) => views.has(name));
  if (taken === undefined) return;
  throw new TailraceError(
    'TABLE_NAMES_COLLIDE',
    `table ${taken.name} has the name of the view that shows the live rows of ${views.get(taken.name)}`,
    'leave one of the two tables out of this sink.',
  );
}
