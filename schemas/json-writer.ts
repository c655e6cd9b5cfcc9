import type { ChangeEvent, EventSource } from './change-event.ts';
import { columnForm } from './column-form.ts';
import { columnNumber } from './column-number.ts';
import { connectSchemas } from './connect-schema.ts';
import { twosComplementBytes, writeTwosComplement } from './decimal-number.ts';
import { sourceFields, TRUNCATE_KEY, type TableEncoder } from './envelope.ts';
import { exactValuesText, type ExactValues } from './exact-values.ts';
import { ordinalOf } from './position.ts';
import { keyColumns, type Column, type TableSchema } from './table-schema.ts';
import type { Row, Value } from './value.ts';

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
