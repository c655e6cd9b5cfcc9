import { randomBytes } from 'node:crypto';
import { valueText } from '../../schemas/key-text.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';
import type { Target } from '../sink.ts';

export interface TestServer {
  /** The address with credentials and with the test's own database. */
  readonly url: string;
  readonly database: string;
  /** Runs a statement in that database; the answer's text. */
  run(sql: string): Promise<string>;
  /** The rows of a query; integers of 64 bits, decimals and NaN come as strings. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
}

const EXACT_JSON =
  'output_format_json_quote_64bit_integers=1&output_format_json_quote_decimals=1&output_format_json_quote_denormals=1';

/** Speaks to ClickHouse without the sink's client. */
export function testServer(): TestServer {
  const address = process.env['CLICKHOUSE_URL'];
  if (address === undefined)
    throw new Error('CLICKHOUSE_URL must name a running ClickHouse (npm run stack -- env)');
  const database = `tailrace_test_${randomBytes(4).toString('hex')}`;
  const { origin, username, password } = new URL(address);
  const send = async (sql: string, query: string): Promise<string> => {
    const response = await fetch(`${origin}/?${query}`, {
      method: 'POST',
      headers: {
        'X-ClickHouse-User': username === '' ? 'default' : decodeURIComponent(username),
        'X-ClickHouse-Key': decodeURIComponent(password),
      },
      body: sql,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  };
  const url = new URL(address);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    database,
    // The statement that makes the database cannot run inside of it.
    run: (sql) => send(sql, sql.includes('DATABASE') ? '' : `database=${database}`),
    async rows(sql) {
      const text = await send(`${sql} FORMAT JSONEachRow`, `database=${database}&${EXACT_JSON}`);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

/** A row of the view as the texts that the sink contract compares. */
export function storedRow(target: Target, row: Readonly<Record<string, unknown>>): StoredRow {
  return Object.fromEntries(
    target.table.columns.map((column) => [column.name, cellText(column, row[column.name])]),
  );
}

function cellText({ kind }: Column, cell: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell);
  if (kind === 'timestamp' || kind === 'timestamptz')
    return text.replace(/^(\S+) (\S+)/, kind === 'timestamp' ? '$1T$2' : '$1T$2Z');
  if (kind === 'float4' || kind === 'float8') return valueText(Number(text.replace(/inf$/, 'Infinity')));
  return text;
}
