import { Binary, DBRef, Decimal128, Double, Int32, Long, MongoClient } from 'mongodb';
import type { Db, Document, Filter } from 'mongodb';
import { misfit } from './canonical.ts';
import type { Plain } from './canonical.ts';
import type { Reader } from './reader.ts';
import { emptyRow, makeRow } from './row.ts';
import type { PlainRow, Row, RowKey } from './row.ts';
import { layoutName } from './table.ts';
import type { Column, Family, Table } from './table.ts';

const PAGE_ROWS = 1_000;
/** Wrapped numbers tell an Int32 from a Double and keep a Long's digits. */
const EXACT = { promoteValues: false, promoteLongs: false, batchSize: PAGE_ROWS } as const;

export async function open(url: string): Promise<Reader> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000, socketTimeoutMS: 60_000 });
  await client.connect();
  const db = client.db(databaseOf(url));
  return {
    rows: (table) => rows(db, table, {}),
    pick: (table, keys) => pick(db, table, keys),
    count: (table) => db.collection(layoutName(table)).countDocuments(),
    close: () => client.close(),
    mayRepeat: false,
  };
}

/** The database that the address names, else Tailrace's default. */
function databaseOf(url: string): string {
  const [, name] = /^[^/]+\/\/[^/]*\/([^?]+)/.exec(url) ?? [];
  return name === undefined ? 'tailrace' : decodeURIComponent(name);
}

async function* rows(db: Db, table: Table, filter: Filter<Document>): AsyncGenerator<readonly Row[]> {
  const cursor = db.collection(layoutName(table)).find(filter, EXACT);
  try {
    while (await cursor.hasNext()) {
      yield cursor.readBufferedDocuments().map((document) => toRow(table, document));
    }
  } finally {
    await cursor.close();
  }
}

async function pick(db: Db, table: Table, keys: readonly RowKey[]): Promise<readonly Row[]> {
  if (keys.length === 0) return [];
  const found: Row[] = [];
  const filter = { _id: { $in: keys.map((key) => documentId(table, key)) } } as Filter<Document>;
  for await (const page of rows(db, table, filter)) found.push(...page);
  return found;
}

/** The row's place is decided by `_id`; the key's columns are compared as fields like all others. */
function toRow(table: Table, document: Document): Row {
  const values = emptyRow();
  for (const [name, value] of Object.entries(document)) {
    const column = table.columns.find((candidate) => candidate.name === name);
    if (name !== '_id' || column !== undefined) values[name] = plain(column, value);
  }
  const row = makeRow(table, values);
  return { ...row, key: makeRow(table, keyFields(table, document['_id'])).key };
}

function keyFields(table: Table, id: unknown): PlainRow {
  const isSingle = table.key.length === 1;
  const fields = Object.entries(isSingle ? {} : (id as Document)) as [string, unknown][];
  const values = emptyRow();
  for (const column of table.key) {
    const [, field] = fields.find(([name]) => name === column.name) ?? [];
    values[column.name] = plain(column, isSingle ? id : field);
  }
  return values;
}

function plain(column: Column | undefined, value: unknown): Plain {
  if (value === null || value === undefined) return null;
  if (column?.family === 'jsonb') return jsonOfField(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Int32 || value instanceof Double) return value.value;
  if (value instanceof Long) return value.toBigInt();
  if (value instanceof Decimal128) return value.toString();
  if (value instanceof Binary) return value.value();
  if (value instanceof Date) return value.toISOString();
  return misfit(`${typeof value} in a field`);
}

/** A jsonb field: nested BSON, or `{__json: text}` for what BSON cannot hold, JSON's own null among it. */
function jsonOfField(value: unknown): string {
  const text = (value as Document)['__json'] as unknown;
  return typeof text === 'string' && Object.keys(value as Document).length === 1 ? text : jsonText(value);
}

/** Nested BSON as JSON text with every digit. */
function jsonText(value: unknown): string {
  if (value instanceof Int32 || value instanceof Double) return String(value.value);
  if (value instanceof Long || value instanceof Decimal128) return value.toString();
  // The driver makes this of an object with the members `$ref` and `$id`.
  if (value instanceof DBRef) return jsonText(value.toJSON());
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`);
  return `{${members.join(',')}}`;
}

/** The `_id` that the layout gives a key: the value itself, or a subdocument in the order of the key. */
function documentId(table: Table, key: RowKey): unknown {
  const values = table.key.map((column, at) => bson(column, key.texts[at] ?? ''));
  if (values.length === 1) return values[0];
  return Object.fromEntries(table.key.map((column, at) => [column.name, values[at]]));
}

function bson(column: Column, text: string): unknown {
  return BSON[column.family]?.(text, column) ?? text;
}

const BSON: Readonly<Partial<Record<Family, (text: string, column: Column) => unknown>>> = {
  boolean: (text) => text === 'true',
  integer: (text) => Long.fromString(text),
  float4: (text) => new Double(Number(text)),
  float8: (text) => new Double(Number(text)),
  numeric: decimalOr,
  date: (text) => dateOr(text, new Date(text)),
  timestamp: moment,
  timestamptz: moment,
  bytea: (text) => new Binary(Buffer.from(text, 'base64')),
};

/** A Date where it is exact, to the millisecond; else the text with six fractional digits. */
function moment(text: string, column: Column): unknown {
  if (column.precision <= 3) return dateOr(text, new Date(text.endsWith('Z') ? text : `${text}Z`));
  return text.replace(
    /(T\d\d:\d\d:\d\d)(?:\.(\d+))?/,
    (_match, time: string, fraction = '') => `${time}.${String(fraction).padEnd(6, '0')}`,
  );
}

/** More digits than Decimal128 has stay text. */
function decimalOr(text: string): unknown {
  try {
    return Decimal128.fromString(text);
  } catch {
    return text;
  }
}

/** Infinity and years that Date does not know stay texts. */
function dateOr(text: string, date: Date): unknown {
  return Number.isNaN(date.getTime()) ? text : date;
}
