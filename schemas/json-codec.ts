import type { ChangeEvent } from './change-event.ts';
import { sourceFields, type TableEncoder } from './envelope.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';
import type { Row, Value } from './value.ts';

/**
 * The JSON wire format: Debezium's envelope without a schema block. int8 is a JSON number with all its digits, numeric a
 * string, bytea base64, NaN and infinities strings, every time its text (value.ts).
 */
export function jsonEncoder(table: TableSchema): TableEncoder {
  const rowText = rowWriter(table.columns);
  const keyText = rowWriter(table.key.map((name) => columnOf(table, name)));
  return {
    encode: (event) => ({
      key: Buffer.from(keyText(event.key)),
      value: Buffer.from(
        `{"before":${event.before === null ? 'null' : rowText(event.before)},` +
          `"after":${event.after === null ? 'null' : rowText(event.after)},` +
          `"source":${sourceText(event)},"op":"${event.op}","ts_ms":${event.tsMs},"transaction":null}`,
      ),
    }),
  };
}

function sourceText(event: ChangeEvent): string {
  const parts = Object.entries(sourceFields(event)).map(
    ([name, value]) => `"${name}":${typeof value === 'bigint' ? String(value) : JSON.stringify(value)}`,
  );
  return `{${parts.join(',')}}`;
}

/** A writer of the columns that a row has, in their order; the names are escaped once. */
function rowWriter(columns: readonly Column[]): (row: Row) => string {
  const fields = columns.map((column) => ({ name: column.name, prefix: `${JSON.stringify(column.name)}:` }));
  return (row) => {
    let text = '';
    for (const { name, prefix } of fields) {
      const value = row[name];
      if (value !== undefined) text += `${text === '' ? '' : ','}${prefix}${valueJson(value)}`;
    }
    return `{${text}}`;
  };
}

function valueJson(value: Value): string {
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
  const row: Record<string, Value> = {};
  for (const column of columns) {
    const value = fields[column.name];
    if (value !== undefined) row[column.name] = valueFrom(column, value);
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
