import type { ClickHouseClient } from '@clickhouse/client';
import type { TableColumn } from './column-type.ts';

/** A table as it stands in ClickHouse, in ClickHouse's own words. */
export interface StoredTable {
  readonly engine: string;
  /** Engine with its arguments, PARTITION BY, ORDER BY, TTL, SETTINGS. */
  readonly definition: string;
  readonly partitionBy: string;
  readonly sortingKey: string;
  readonly comment: string;
}

export interface StoredTableColumn extends TableColumn {
  readonly inSortingKey: boolean;
  readonly inPartitionKey: boolean;
}

export async function readTable(client: ClickHouseClient, table: string): Promise<StoredTable | undefined> {
  const [found] = await select<StoredTable>(
    client,
    'SELECT engine, engine_full AS definition, partition_key AS partitionBy, sorting_key AS sortingKey, comment ' +
      'FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    { name: table },
  );
  return found;
}

/** In the order of the table; empty when there is no such table. */
export function readColumns(client: ClickHouseClient, table: string): Promise<readonly StoredTableColumn[]> {
  return select<StoredTableColumn>(
    client,
    'SELECT name, type, is_in_sorting_key = 1 AS inSortingKey, is_in_partition_key = 1 AS inPartitionKey ' +
      'FROM system.columns WHERE database = currentDatabase() AND table = {name:String} ORDER BY position',
    { name: table },
  );
}

/** Expressions as ClickHouse writes them itself, so that two can be compared; null for one that is none. */
export async function canonicalExpressions(
  client: ClickHouseClient,
  expressions: readonly string[],
): Promise<readonly (string | null)[]> {
  const rows = await select<{ text: string | null }>(
    client,
    "SELECT formatQuerySingleLineOrNull('SELECT ' || arrayJoin({expressions:Array(String)})) AS text",
    { expressions },
  );
  return rows.map(({ text }) => text);
}

export function ttlOf({ definition }: StoredTable): string | null {
  return / TTL (.+?)(?: SETTINGS |$)/s.exec(definition)?.[1] ?? null;
}

/** Names to values as texts, without the quotes. */
export function settingsOf({ definition }: StoredTable): ReadonlyMap<string, string> {
  const list = / SETTINGS (.+)$/s.exec(definition)?.[1] ?? '';
  return new Map(
    [...list.matchAll(/(\w+) = (?:'((?:[^'\\]|\\.)*)'|([^,]+))/gs)].map(
      ([, name = '', text, number = '']) => [
        name,
        text === undefined ? number : text.replace(/\\(.)/gs, '$1'),
      ],
    ),
  );
}

export async function select<Found>(
  client: ClickHouseClient,
  query: string,
  parameters: Record<string, unknown>,
): Promise<Found[]> {
  const answer = await client.query({ query, query_params: parameters, format: 'JSONEachRow' });
  return answer.json<Found>();
}
