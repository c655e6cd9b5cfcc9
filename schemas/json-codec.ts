import type { ChangeEvent, EventSource } from './change-event.ts';
import { sourceFields, TRUNCATE_KEY, type TableEncoder } from './envelope.ts';
import { ordinalOf } from './position.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';
import { emptyRow, type Row, type Value } from './value.ts';

/**
 * The JSON wire format: Debezium's envelope without a schema block. int8 is a JSON number with all its digits, numeric a
 * string, bytea base64, NaN and infinities strings, every time its text (value.ts).
 */
export function jsonEncoder(table: TableSchema): TableEncoder<string> {
  const rowText = rowWriter(table.columns);
  const keyText = rowWriter(table.key.map((name) => columnOf(table, name)));
  const sourceText = sourceWriter();
  return {
    encode: (event) => ({
      key: event.op === 't' ? JSON.stringify(TRUNCATE_KEY) : keyText(event.key),
      value:
        `{"before":${event.before === null ? 'null' : rowText(event.before)},` +
        `"after":${event.after === null ? 'null' : rowText(event.after)},` +
        `"source":${sourceText(event)},"op":"${event.op}","ts_ms":${event.tsMs},"transaction":null}`,
    }),
  };
}

/** Writes the `source` block; what all events of a transaction share is written once for them. */
function sourceWriter(): (event: ChangeEvent) => string {
  let sharedBy: { commit: string; source: EventSource } | null = null;
  let head = '';
  let middle = '';
  let tail = '';
  return (event) => {
    const { source, position } = event;
    const commit = position.slice(0, 16);
    if (
      sharedBy?.commit !== commit ||
      sharedBy.source.txId !== source.txId ||
      sharedBy.source.snapshot !== source.snapshot
    ) {
      sharedBy = { commit, source };
      const { version, connector, name, ts_ms, ts_us, snapshot, db, schema, table, txId, commit_lsn } =
        sourceFields(event);
      head =
        `${JSON.stringify({ version, connector, name, ts_ms, ts_us, snapshot, db }).slice(0, -1)},` +
        `"sequence":"[\\"${commit_lsn}\\",\\"`;
      middle = `\\"]",${JSON.stringify({ schema, table, txId }).slice(1, -1)},"lsn":`;
      tail = `,"commit_lsn":${commit_lsn},"ordinal":`;
    }
    const lsn = String(source.lsn);
    return `${head}${lsn}${middle}${lsn}${tail}${ordinalOf(position)}}`;
  };
}

/** A writer of the columns that a row has, in their order; the names are escaped once. */
function rowWriter(columns: readonly Column[]): (row: Row) => string {
  const fields = columns.map(({ name }) => ({ name, prefix: `${JSON.stringify(name)}:` }));
  return (row) => {
    let text = '{';
    for (const { name, prefix } of fields) {
      const value = row[name];
      if (value !== undefined) text += (text.length === 1 ? prefix : `,${prefix}`) + valueJson(value);
    }
    return `${text}}`;
  };
}

function valueJson(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  // JSON writes minus zero as 0, which is another double.
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  return JSON.stringify(value);
}

/** The key columns of a record. Throws on anything that is not a key of this table. */
export function decodeJsonKey(table: TableSchema, key: Buffer): Row {
  return rowFrom(
    table.key.map((name) => columnOf(table, name)),
    parseExact(key.toString()),
  );
}

/** The envelope's fields as they were written, rows turned into values. Throws on anything that is no envelope. */
export function decodeJsonEnvelope(table: TableSchema, value: Buffer): DecodedEnvelope {
  const envelope = parseExact(value.toString()) as Record<string, unknown>;
  return {
    op: envelope['op'],
    before: envelope['before'] == null ? null : rowFrom(table.columns, envelope['before']),
    after: envelope['after'] == null ? null : rowFrom(table.columns, envelope['after']),
    source: (envelope['source'] ?? {}) as Record<string, unknown>,
    tsMs: Number(envelope['ts_ms']),
  };
}

/** An envelope whose rows are decoded, and whose other fields are not checked yet. */
export interface DecodedEnvelope {
  readonly op: unknown;
  readonly before: Row | null;
  readonly after: Row | null;
  readonly source: Record<string, unknown>;
  readonly tsMs: number;
}

/** 17 digits or more, or 16 that start with a 9, can exceed 2^53, from where JSON.parse rounds. */
const LARGE_INTEGER = /[:,[\s-](?:\d{17}|9\d{15})/;

/** JSON.parse that returns integers beyond 2^53 as bigint. */
function parseExact(text: string): unknown {
  if (!LARGE_INTEGER.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, function exact(
    this: unknown,
    _key: string,
    value: unknown,
    context?: { source?: string },
  ) {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  } as (key: string, value: unknown) => unknown) as unknown;
}

function rowFrom(columns: readonly Column[], object: unknown): Row {
  if (object === null || typeof object !== 'object') throw new TypeError('expected an object of columns');
  const fields = object as Record<string, unknown>;
  const row = emptyRow();
  for (const column of columns) {
    if (Object.hasOwn(fields, column.name)) row[column.name] = valueFrom(column, fields[column.name]);
  }
  return row;
}

function valueFrom(column: Column, json: unknown): Value {
  if (json === null) return null;
  switch (column.kind) {
    case 'int8':
      if (typeof json === 'number' || typeof json === 'bigint' || typeof json === 'string')
        return BigInt(json);
      break;
    case 'int2':
    case 'int4':
      if (typeof json === 'number') return json;
      break;
    case 'float4':
    case 'float8':
      if (typeof json === 'number' || typeof json === 'bigint' || typeof json === 'string')
        return Number(json);
      break;
    case 'boolean':
      if (typeof json === 'boolean') return json;
      break;
    case 'bytea':
      if (typeof json === 'string') return Buffer.from(json, 'base64');
      break;
    case 'numeric':
    case 'text':
    case 'uuid':
    case 'enum':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'json':
    case 'jsonb':
    case 'other':
      if (typeof json === 'string') return json;
  }
  throw new TypeError(`column ${column.name} (${column.type}) cannot be read from a JSON ${typeof json}`);
}
