import type { Client } from 'pg';
import type { Column, Family, ForeignKey, Table } from './table.ts';

const FAMILIES = new Map<string, Family>(
  Object.entries({
    bool: 'boolean',
    int2: 'integer',
    int4: 'integer',
    int8: 'integer',
    float4: 'float4',
    float8: 'float8',
    numeric: 'numeric',
    date: 'date',
    timestamp: 'timestamp',
    timestamptz: 'timestamptz',
    bytea: 'bytea',
    json: 'json',
    jsonb: 'jsonb',
  }),
);

// A domain is compared as the type it stands on, however deep. Generated columns are left out, because logical
// replication does not send them.
const COLUMNS = `
  WITH RECURSIVE base AS (
    SELECT a.attname, a.attnum, a.attrelid, a.atttypid AS typid, a.atttypmod AS typmod
    FROM pg_attribute a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    UNION ALL
    SELECT b.attname, b.attnum, b.attrelid, t.typbasetype, t.typtypmod
    FROM base b JOIN pg_type t ON t.oid = b.typid WHERE t.typtype = 'd'
  )
  SELECT b.attname AS name,
         -- A type of the user's own may have the name of a built-in one.
         CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname END AS type, format_type(b.typid, -1) AS sql_type,
         CASE WHEN b.typid IN ('timestamp'::regtype, 'timestamptz'::regtype) AND b.typmod >= 0 THEN b.typmod ELSE 6 END AS precision,
         array_position((i.indkey::int2[])[0:i.indnkeyatts - 1], b.attnum) AS key_position
  FROM base b
  JOIN pg_type t ON t.oid = b.typid AND t.typtype <> 'd'
  LEFT JOIN pg_index i ON i.indrelid = b.attrelid AND i.indisprimary
  ORDER BY b.attnum`;

const FOREIGN_KEYS = `
  SELECT c.conname AS name, a.attname AS column, n.nspname AS schema, r.relname AS table, ra.attname AS referenced_column
  FROM pg_constraint c
  JOIN pg_class r ON r.oid = c.confrelid
  JOIN pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
  JOIN pg_attribute ra ON ra.attrelid = c.confrelid AND ra.attnum = c.confkey[1]
  WHERE c.conrelid = $1::oid AND c.contype = 'f' AND cardinality(c.conkey) = 1
  ORDER BY a.attnum, c.conname`;

/** Reads a table's shape. `qualified` is `schema.table`. Throws when there is no such table or it has no primary key. */
export async function describeTable(client: Client, qualified: string): Promise<Table> {
  const dot = qualified.indexOf('.');
  if (dot < 1) throw new Error(`${qualified} is not a table's full name: write schema.table`);
  const schema = qualified.slice(0, dot);
  const name = qualified.slice(dot + 1);
  const oid = await findTable(client, schema, name);
  const described = await client.query<ColumnRow>(COLUMNS, [oid]);
  const columns = described.rows.map((row) => ({ ...toColumn(row), keyPosition: row.key_position }));
  const key = columns
    .filter((column) => column.keyPosition !== null)
    .toSorted((left, right) => Number(left.keyPosition) - Number(right.keyPosition));
  if (key.length === 0) throw new Error(`${qualified} has no primary key, so its rows cannot be told apart`);
  const foreignKeys = await client.query<ForeignKeyRow>(FOREIGN_KEYS, [oid]);
  return { schema, name, columns, key, foreignKeys: foreignKeys.rows.map(toForeignKey) };
}

async function findTable(client: Client, schema: string, name: string): Promise<string> {
  const found = await client.query<{ oid: string }>(
    `SELECT c.oid::text AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`,
    [schema, name],
  );
  const [table] = found.rows;
  if (table === undefined) throw new Error(`Postgres has no table ${schema}.${name}`);
  return table.oid;
}

interface ColumnRow {
  name: string;
  type: string | null;
  sql_type: string;
  precision: string;
  key_position: string | null;
}

interface ForeignKeyRow {
  name: string;
  column: string;
  schema: string;
  table: string;
  referenced_column: string;
}

function toColumn(row: ColumnRow): Column {
  return {
    name: row.name,
    family: FAMILIES.get(row.type ?? '') ?? 'text',
    sqlType: row.sql_type,
    precision: Number(row.precision),
  };
}

function toForeignKey(row: ForeignKeyRow): ForeignKey {
  return {
    name: row.name,
    column: row.column,
    schema: row.schema,
    table: row.table,
    referencedColumn: row.referenced_column,
    isFollowed: false,
  };
}
