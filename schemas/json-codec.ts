import type { ChangeEvent, EventSource } from './change-event.ts';
import { columnForm } from './column-form.ts';
import { columnNumber } from './column-number.ts';
import { connectSchemas } from './connect-schema.ts';
import { readTwosComplement, twosComplementBytes, writeTwosComplement } from './decimal-number.ts';
import { sourceFields, TRUNCATE_KEY, type DecodedEnvelope, type TableEncoder } from './envelope.ts';
import { exactValuesText, type ExactValues } from './exact-values.ts';
import { ordinalOf } from './position.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';
import { emptyRow, type Row, type Value } from './value.ts';

/**
 * The JSON wire format: Debezium's envelope without a schema block. int8 is a JSON number with all its digits, numeric a
 * string, bytea base64, NaN and infinities strings, every time its text (value.ts).
 */
export function jsonEncoder(table: TableSchema): TableEncoder<string> {
  const rowText = rowWriter(table.columns, () => valueJson);
  const keyText = rowWriter(keyColumns(table), () => valueJson);
  const sourceText = sourceWriter();
  return {
    encode: (event) => ({
      key: event.op === 't' ? JSON.stringify(TRUNCATE_KEY) : keyText(event.key),
      value: envelopeText(event, rowText, rowText, sourceText),
    }),
  };
}

/**
 * The JSON wire format of Connect's JsonConverter with schemas: `{"schema":...,"payload":...}` around key and value. Columns
 * have the types of the Avro schemas: days and microseconds are numbers, decimals base64 of their unscaled bytes.
 */
export function jsonSchemaEncoder(pipeline: string, table: TableSchema): TableEncoder<string> {
  const schemas = connectSchemas(pipeline, table);
  const [keyStart, valueStart, truncateKeyStart] = [schemas.key, schemas.value, schemas.truncateKey].map(
    (schema) => `{"schema":${JSON.stringify(schema)},"payload":`,
  );
  const truncateKey = `${truncateKeyStart}${JSON.stringify(TRUNCATE_KEY)}}`;
  let exact: ExactValues | null = null;
  const side = (name: 'before' | 'after') =>
    rowWriter(table.columns, (column) =>
      typedValueJson(column, table.key.includes(column.name), (text) => {
        ((exact ??= {})[name] ??= {})[column.name] = text;
      }),
    );
  const [before, after] = [side('before'), side('after')];
  const keyText = rowWriter(keyColumns(table), (column) => typedValueJson(column, true, () => undefined));
  const sourceText = sourceWriter();
  return {
    encode: (event) => {
      exact = null;
      return {
        key: event.op === 't' ? truncateKey : `${keyStart}${keyText(event.key)}}`,
        value: `${valueStart}${envelopeText(event, before, after, sourceText)}}`,
        ...(exact === null ? {} : exactValuesText(exact)),
      };
    },
  };
}

function keyColumns(table: TableSchema): readonly Column[] {
  return table.key.map((name) => columnOf(table, name));
}

type RowText = (row: Row) => string;

function envelopeText(
  event: ChangeEvent,
  beforeText: RowText,
  afterText: RowText,
  sourceText: (event: ChangeEvent) => string,
): string {
  return (
    `{"before":${event.before === null ? 'null' : beforeText(event.before)},` +
    `"after":${event.after === null ? 'null' : afterText(event.after)},` +
    `"source":${sourceText(event)},"transaction":null,"op":"${event.op}","ts_ms":${event.tsMs}}`
  );
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
        `${JSON.stringify({ version, connector, name, ts_ms, snapshot, db }).slice(0, -1)},` +
        `"sequence":"[\\"${commit_lsn}\\",\\"`;
      middle = `\\"]",${JSON.stringify({ ts_us, schema, table, txId }).slice(1, -1)},"lsn":`;
      tail = `,"commit_lsn":${commit_lsn},"ordinal":`;
    }
    const lsn = String(source.lsn);
    return `${head}${lsn}${middle}${lsn}${tail}${ordinalOf(position)}}`;
  };
}

/** A writer of the columns that a row has, in their order; the names are escaped once. */
function rowWriter(
  columns: readonly Column[],
  valueText: (column: Column) => (value: Value) => string,
): RowText {
  const fields = columns.map((column) => {
    const { name } = column;
    return { name, prefix: `${JSON.stringify(name)}:`, text: valueText(column) };
  });
  return (row) => {
    let all = '{';
    for (const { name, prefix, text } of fields) {
      const value = row[name];
      if (value !== undefined) all += (all.length === 1 ? prefix : `,${prefix}`) + text(value);
    }
    return `${all}}`;
  };
}

/** A value as the column's type in the schema block has it; `unfit` gets the text of one that it cannot hold. */
function typedValueJson(
  column: Column,
  isKey: boolean,
  unfit: (text: string) => void,
): (value: Value) => string {
  const form = columnForm(column, isKey);
  const number = columnNumber(form);
  const setAside = (text: string) => {
    if (isKey)
      throw new TypeError(`key column ${column.name} (${column.type}) has a value that its type cannot hold`);
    unfit(text);
    return 'null';
  };
  return (value) => {
    // Connect's converter reads the text NaN as 0; a key has no other way.
    if (typeof value === 'number' && !Number.isFinite(value) && !isKey) return setAside(String(value));
    if (number === null || typeof value !== 'string') return valueJson(value);
    const converted = number.numberOf(value);
    if (Number.isNaN(converted)) return setAside(value);
    return form.primitive === 'bytes' ? base64Number(converted) : String(converted);
  };
}

function base64Number(unscaled: number | bigint): string {
  const bytes = Buffer.allocUnsafe(twosComplementBytes(unscaled));
  writeTwosComplement(bytes, 0, unscaled, bytes.length);
  return `"${bytes.toString('base64')}"`;
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

/** The key columns of a record, with a schema block or without. Throws on anything that is not a key of this table. */
export function decodeJsonKey(table: TableSchema, key: Buffer): Row {
  const { payload, isTyped } = parseRecord(key.toString());
  return rowFrom(table, keyColumns(table), payload, isTyped);
}

/** The envelope's fields as they were written, rows turned into values. Throws on anything that is no envelope. */
export function decodeJsonEnvelope(table: TableSchema, value: Buffer): DecodedEnvelope {
  const { payload, isTyped } = parseRecord(value.toString());
  const envelope = payload as Record<string, unknown>;
  const row = (object: unknown) => (object == null ? null : rowFrom(table, table.columns, object, isTyped));
  return {
    op: envelope['op'],
    before: row(envelope['before']),
    after: row(envelope['after']),
    source: (envelope['source'] ?? {}) as Record<string, unknown>,
    tsMs: Number(envelope['ts_ms']),
  };
}

/** A schema block is a struct; no column of a key without one is an object. */
const SCHEMA_START = '{"schema":{';
/** Within a JSON text it stands only where it means itself: texts have their quotes escaped. */
const PAYLOAD_START = ',"payload":';

/** What a record says, and whether a schema block gave its columns types; the block itself is not read. */
function parseRecord(text: string): { readonly payload: unknown; readonly isTyped: boolean } {
  const start = text.startsWith(SCHEMA_START) ? text.indexOf(PAYLOAD_START) : -1;
  if (start === -1) return { payload: parseExact(text), isTyped: false };
  const end = text.lastIndexOf('}');
  return { payload: parseExact(text.slice(start + PAYLOAD_START.length, end)), isTyped: true };
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

function rowFrom(table: TableSchema, columns: readonly Column[], object: unknown, isTyped: boolean): Row {
  if (object === null || typeof object !== 'object') throw new TypeError('expected an object of columns');
  const fields = object as Record<string, unknown>;
  const row = emptyRow();
  for (const column of columns) {
    if (!Object.hasOwn(fields, column.name)) continue;
    const json = fields[column.name];
    row[column.name] = isTyped
      ? typedValueFrom(column, table.key.includes(column.name), json)
      : valueFrom(column, json);
  }
  return row;
}

/** A value whose column has its type in a schema block: numbers become the texts that they stand for. */
function typedValueFrom(column: Column, isKey: boolean, json: unknown): Value {
  const number = columnNumber(columnForm(column, isKey));
  if (number === null) return valueFrom(column, json);
  if (typeof json === 'number' || typeof json === 'bigint') return number.textOf(json);
  if (column.kind !== 'numeric' || typeof json !== 'string') return valueFrom(column, json);
  const bytes = Buffer.from(json, 'base64');
  return number.textOf(readTwosComplement(bytes, 0, bytes.length));
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
