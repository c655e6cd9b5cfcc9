import pg from 'pg';
import type { Plain } from './canonical.ts';
import { describeTable } from './catalogue.ts';
import type { Reader } from './reader.ts';
import { emptyRow, keyValues, makeRow } from './row.ts';
import type { Row, RowKey } from './row.ts';
import type { Column, Family, Table } from './table.ts';

/**
 * The texts that the stores hold, whatever the server, the database and the role are set to: intervals are in ISO 8601
 * there (docs/envelope.md), names in values of the reg... types have their schema. A large table takes its time, and rows
 * that a policy hides must be an error.
 */
const SETTINGS = `
  SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex';
  SET extra_float_digits = 1; SET search_path = ''; SET quote_all_identifiers = off; SET lc_monetary = 'C';
  SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off`;

const PAGE_ROWS = 2_000;
/** SQLSTATE class 22: a key's text that is no value of the column's type. */
const DATA_EXCEPTION = /^22/;

export interface PostgresReader extends Reader {
  /** The shape of a table given as `schema.table`. Throws when it is missing or has no primary key. */
  describe(qualified: string): Promise<Table>;
}

export async function open(url: string): Promise<PostgresReader> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    // Every value arrives as Postgres' own text: the driver's parsers would lose digits and microseconds.
    types: { getTypeParser: () => (text: string) => text },
  });
  // A connection lost between two queries is reported by the next query.
  client.on('error', () => undefined);
  await client.connect();
  await client.query(SETTINGS);
  return {
    describe: (qualified) => describeTable(client, qualified),
    rows: (table) => rows(client, table),
    pick: (table, keys) => pick(client, table, keys),
    count: (table) => count(client, table),
    close: () => client.end(),
    mayRepeat: false,
  };
}

/** All rows as one snapshot sees them. */
async function* rows(client: pg.Client, table: Table): AsyncGenerator<readonly Row[]> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await client.query(`DECLARE side NO SCROLL CURSOR FOR ${select(table)}`);
    for (;;) {
      const page = await texts(client, `FETCH ${PAGE_ROWS} FROM side`, []);
      if (page.length === 0) return;
      yield page.map((row) => toRow(table, row));
    }
  } finally {
    await client.query('ROLLBACK');
  }
}

async function pick(client: pg.Client, table: Table, keys: readonly RowKey[]): Promise<readonly Row[]> {
  if (keys.length === 0) return [];
  const wanted = keys.map((key) => keyValues(key.id));
  const arrays = table.key.map((column, at) => wanted.map((values) => keyLiteral(column.family, values[at])));
  // As texts, because an array of a composite type would come apart into the type's own columns.
  const sets = table.key.map((_column, at) => `$${at + 1}::text[]`).join(', ');
  const places = table.key.map((_column, at) => `k${at}`);
  const names = table.key.map((column) => comparable(column, pg.escapeIdentifier(column.name))).join(', ');
  const wantedKeys = table.key
    .map((column, at) => comparable(column, `k${at}::${column.sqlType}`))
    .join(', ');
  try {
    const found = await texts(
      client,
      `${select(table)} WHERE (${names}) IN (SELECT ${wantedKeys} FROM unnest(${sets}) AS k(${places.join(', ')}))`,
      arrays,
    );
    return found.map((row) => toRow(table, row));
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !DATA_EXCEPTION.test(error.code ?? '')) throw error;
    // A store can hold a key that is no value of the column's type. Halving finds it; alone, it is not in Postgres.
    if (keys.length === 1) return [];
    const half = Math.ceil(keys.length / 2);
    const left = await pick(client, table, keys.slice(0, half));
    return [...left, ...(await pick(client, table, keys.slice(half)))];
  }
}

/** A type with a schema in its name is not Postgres' own: with an empty search_path its operators are not found. */
function comparable(column: Column, value: string): string {
  return column.sqlType.includes('.') ? `${value}::text` : value;
}

async function count(client: pg.Client, table: Table): Promise<number> {
  const [row] = await texts(client, `SELECT count(*) FROM ${tableName(table)}`, []);
  return Number(row?.[0]);
}

function select(table: Table): string {
  const names = table.columns.map((column) => pg.escapeIdentifier(column.name)).join(', ');
  return `SELECT ${names} FROM ${tableName(table)}`;
}

function tableName(table: Table): string {
  return `${pg.escapeIdentifier(table.schema)}.${pg.escapeIdentifier(table.name)}`;
}

type TextRow = readonly (string | null)[];

async function texts(client: pg.Client, text: string, values: readonly unknown[]): Promise<TextRow[]> {
  const result = await client.query<(string | null)[]>({ text, values: [...values], rowMode: 'array' });
  return result.rows;
}

function toRow(table: Table, texts: TextRow): Row {
  const values = emptyRow();
  table.columns.forEach((column, at) => {
    values[column.name] = plain(column, texts[at] ?? null);
  });
  return makeRow(table, values);
}

/** Postgres' text as the layouts write it: `t` is true, bytes are bytes, times have a T and a Z. */
function plain(column: Column, text: string | null): Plain {
  if (text === null) return null;
  return PLAIN[column.family]?.(text) ?? text;
}

const PLAIN: Readonly<Partial<Record<Family, (text: string) => Plain>>> = {
  boolean: (text) => text === 't',
  bytea: (text) => Buffer.from(text.slice(2), 'hex'),
  timestamp: (text) => text.replace(' ', 'T'),
  timestamptz: (text) => text.replace(' ', 'T').replace('+00', 'Z'),
};

/** A canonical key value as Postgres reads it. */
function keyLiteral(family: Family, text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  if (family === 'bytea') return `\\x${text}`;
  return MOMENTS.has(family) ? momentLiteral(family, text) : text;
}

const MOMENTS: ReadonlySet<Family> = new Set<Family>(['date', 'timestamp', 'timestamptz']);

function momentLiteral(family: Family, text: string): string {
  const match = /^(-?\d+)(-.*)$/.exec(text);
  if (match === null) return text;
  const year = Number(match[1]);
  const era = year > 0 ? '' : ' BC';
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${shown}${match[2]}${family === 'timestamptz' ? 'Z' : ''}${era}`;
}
