import { TailraceError } from '../../core/errors.ts';
import { valueText } from '../../schemas/key-text.ts';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import { epochMicros } from '../../schemas/temporal.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';

/** A value in a row of JSONCompactEachRow. Integers of 64 bits and decimals are strings of digits. */
export type Cell = null | boolean | number | string;

export interface TableColumn {
  readonly name: string;
  /** As `system.columns` spells it, for example `Nullable(DateTime64(6, 'UTC'))`. */
  readonly type: string;
}

type Present = Exclude<Value, null>;

interface Rule {
  /** The type without Nullable. */
  type(column: Column): string;
  /** Throws RangeError for a value that the type cannot hold exactly: ClickHouse would wrap, clamp or cut it in silence. */
  cell(value: Present, column: Column): Cell;
}

const DECIMAL_DIGITS = 76;
const UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DECIMAL_PATTERN = /^-?(\d+)(?:\.(\d+))?$/;
const FIRST_YEAR = '1900-01-01';
const AFTER_LAST_YEAR = '2300-01-01';

const integer = (bits: number): Rule => ({
  type: () => `Int${bits}`,
  cell(value) {
    const limit = 2 ** (bits - 1);
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new RangeError('is no integer');
    if (value < -limit || value >= limit) throw new RangeError(`lies outside Int${bits}`);
    return value.toString();
  },
});

const float = (bits: number): Rule => ({ type: () => `Float${bits}`, cell: floatCell });

const text = (type: string): Rule => ({ type: () => type, cell: valueText });

const utcTime: Rule = {
  type: () => "DateTime64(6, 'UTC')",
  cell: (value) => inRange(valueText(value)).replace('T', ' ').replace('Z', ''),
};

const RULES: Readonly<Record<ValueKind, Rule>> = {
  boolean: { type: () => 'Bool', cell: booleanCell },
  int2: integer(16),
  int4: integer(32),
  int8: integer(64),
  float4: float(32),
  float8: float(64),
  numeric: { type: numericType, cell: numericCell },
  text: text('String'),
  uuid: { type: () => 'UUID', cell: uuidCell },
  enum: text('LowCardinality(String)'),
  date: { type: () => 'Date32', cell: (value) => inRange(valueText(value)) },
  timestamp: utcTime,
  timestamptz: utcTime,
  time: text('String'),
  timetz: text('String'),
  interval: text('String'),
  bytea: text('String'),
  json: text('String'),
  jsonb: text('String'),
  other: text('String'),
};

function booleanCell(value: Present): Cell {
  if (typeof value !== 'boolean') throw new RangeError('is no boolean');
  return value;
}

/** JSON has no -0, NaN and infinities; ClickHouse reads them from strings. */
function floatCell(value: Present): Cell {
  if (typeof value !== 'number') throw new RangeError('is no number');
  return Object.is(value, -0) ? '-0' : String(value);
}

function numericType(column: Column): string {
  const { precision, scale } = column;
  return isDecimal(column) ? `Decimal(${precision}, ${scale})` : 'String';
}

function isDecimal({ precision, scale }: Column): boolean {
  if (precision === undefined || scale === undefined) return false;
  return precision <= DECIMAL_DIGITS && scale >= 0 && scale <= precision;
}

function numericCell(value: Present, column: Column): Cell {
  const digits = valueText(value);
  if (!isDecimal(column)) return digits;
  const [, whole, fraction = ''] = DECIMAL_PATTERN.exec(digits) ?? [];
  if (whole === undefined) throw new RangeError('is no finite number');
  const { precision = 0, scale = 0 } = column;
  if (fraction.replace(/0+$/, '').length > scale || whole.replace(/^0+/, '').length > precision - scale)
    throw new RangeError('has more digits than its type');
  return digits;
}

function uuidCell(value: Present): Cell {
  const uuid = valueText(value);
  if (!UUID_PATTERN.test(uuid)) throw new RangeError('is no uuid');
  return uuid;
}

/** Within the years that Date32 and DateTime64 hold in every version, ends included; outside they are clamped. */
function inRange(temporal: string): string {
  const micros = epochMicros(temporal);
  if (micros === null || micros < FIRST_MICROS || micros >= END_MICROS)
    throw new RangeError('lies outside the years 1900 to 2299');
  return temporal;
}

const FIRST_MICROS = epochMicros(FIRST_YEAR) ?? 0n;
const END_MICROS = epochMicros(AFTER_LAST_YEAR) ?? 0n;

/** The version and the tombstone mark, which ReplacingMergeTree takes as its arguments. */
export const INTERNAL_COLUMNS: readonly TableColumn[] = [
  { name: '__pos', type: 'UInt128' },
  { name: '__deleted', type: 'UInt8' },
];

/**
 * The columns of a target's table, the internal ones last. All but the key are Nullable, because a tombstone holds only
 * the key. Throws TailraceError for a column with an internal name.
 */
export function columnsOf(table: TableSchema): readonly TableColumn[] {
  const columns = table.columns.map((column) => ({ name: column.name, type: columnType(table, column) }));
  const taken = columns.find(({ name }) => INTERNAL_COLUMNS.some((internal) => internal.name === name));
  if (taken === undefined) return [...columns, ...INTERNAL_COLUMNS];
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${taken.name} of ${qualifiedName(table)} has the name of a column that Tailrace adds`,
    'give the column another name in this sink with the transform renameColumns.',
  );
}

function columnType(table: TableSchema, column: Column): string {
  const type = RULES[column.kind].type(column);
  if (table.key.includes(column.name)) return type;
  const dictionary = /^LowCardinality\((.+)\)$/.exec(type)?.[1];
  return dictionary === undefined ? `Nullable(${type})` : `LowCardinality(Nullable(${dictionary}))`;
}

/** The cells of a write in the order of `columnsOf`. Throws TailraceError SINK_EVENT_REJECTED, naming column and type. */
export function cellsOf(write: Write): readonly Cell[] {
  const { table } = write.target;
  const row = write.op === 'upsert' ? write.row : write.key;
  const cells = table.columns.map((column) => cellOf(table, column, row[column.name] ?? null));
  return [...cells, BigInt(`0x${write.position}`).toString(), write.op === 'delete' ? 1 : 0];
}

function cellOf(table: TableSchema, column: Column, value: Value): Cell {
  if (value === null) return null;
  const rule = RULES[column.kind];
  try {
    return rule.cell(value, column);
  } catch (error) {
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `a value of column ${column.name} (${column.type}) of ${qualifiedName(table)} does not fit ${rule.type(column)}`,
      'change the value with a transform of this sink, or leave such rows out with filterRows.',
      { cause: error },
    );
  }
}
