import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Plain } from './canonical.ts';
import type { Reader } from './reader.ts';
import { emptyRow, makeRow } from './row.ts';
import type { Row, RowKey } from './row.ts';
import { layoutName } from './table.ts';
import type { Column, Table } from './table.ts';

export async function open(url: string): Promise<Reader> {
  const client = createClient({
    url,
    request_timeout: 60_000,
    // The client would print failed queries, and with them keys; the error itself is reported by the caller.
    log: { level: ClickHouseLogLevel.OFF },
    // Numbers that JavaScript cannot hold come as texts, times in UTC whatever zone their column has.
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 1,
      output_format_json_quote_decimals: 1,
      output_format_json_quote_denormals: 1,
      date_time_output_format: 'iso',
    },
  });
  await select(client, 'SELECT 1').next();
  return {
    rows: (table) => rows(client, table),
    pick: (table, keys) => pick(client, table, keys),
    count: (table) => count(client, table),
    close: () => client.close(),
    mayRepeat: false,
  };
}

async function* rows(client: ClickHouseClient, table: Table, where = ''): AsyncGenerator<readonly Row[]> {
  let names: readonly Plain[] | null = null;
  for await (const page of select(client, `SELECT * FROM ${view(table)}${where}`)) {
    // The first line of the answer names the columns.
    const lines: readonly (readonly Plain[])[] = names === null ? page.slice(1) : page;
    names ??= page[0] ?? [];
    yield lines.map((line) => toRow(table, names ?? [], line));
  }
}

async function pick(
  client: ClickHouseClient,
  table: Table,
  keys: readonly RowKey[],
): Promise<readonly Row[]> {
  if (keys.length === 0) return [];
  const names = table.key.map((column) => identifier(column.name)).join(', ');
  const tuples = keys.map((key) => {
    const literals = table.key.map((column, at) => literal(column, key.texts[at] ?? ''));
    return `(${literals.join(', ')})`;
  });
  const found: Row[] = [];
  for await (const page of rows(client, table, ` WHERE (${names}) IN (${tuples.join(', ')})`))
    found.push(...page);
  return found;
}

async function count(client: ClickHouseClient, table: Table): Promise<number> {
  const lines: (readonly Plain[])[] = [];
  for await (const page of select(client, `SELECT count() FROM ${view(table)}`)) lines.push(...page);
  return Number(lines[1]?.[0]);
}

async function* select(
  client: ClickHouseClient,
  query: string,
): AsyncGenerator<readonly (readonly Plain[])[]> {
  const result = await client.query({ query, format: 'JSONCompactEachRowWithNames' });
  for await (const page of result.stream<readonly Plain[]>()) yield page.map((line) => line.json());
}

function toRow(table: Table, names: readonly Plain[], line: readonly Plain[]): Row {
  const values = emptyRow();
  names.forEach((name, at) => {
    values[String(name)] = line[at] ?? null;
  });
  return makeRow(table, values);
}

function view(table: Table): string {
  return identifier(`${layoutName(table)}_current`);
}

function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, (character) => `\\${character}`)}\``;
}

/** A key value; ClickHouse converts the text to the column's type, but reads times in its own form only. */
function literal({ family }: Column, text: string): string {
  const isMoment = family === 'timestamp' || family === 'timestamptz';
  const converted = isMoment ? text.replace('T', ' ').replace('Z', '') : text;
  return `'${converted.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}
