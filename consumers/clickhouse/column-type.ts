import type { Column } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';

/**
 * The types of ClickHouse that columns get, and which of them holds all values of another. A base type is the type without
 * `Nullable` and `LowCardinality`, spelled as in `system.columns`: `Int64`, `Decimal(10, 2)`, `DateTime64(6, 'UTC')`.
 */

export interface TableColumn {
  readonly name: string;
  /** As `system.columns` spells it, for example `Nullable(DateTime64(6, 'UTC'))`. */
  readonly type: string;
}

const DECIMAL_DIGITS = 76;
const MOMENT = "DateTime64(6, 'UTC')";

const BASE_TYPES: Readonly<Record<ValueKind, string>> = {
  boolean: 'Bool',
  int2: 'Int16',
  int4: 'Int32',
  int8: 'Int64',
  float4: 'Float32',
  float8: 'Float64',
  numeric: 'String',
  text: 'String',
  uuid: 'UUID',
  enum: 'String',
  date: 'Date32',
  timestamp: MOMENT,
  timestamptz: MOMENT,
  time: 'String',
  timetz: 'String',
  interval: 'String',
  bytea: 'String',
  json: 'String',
  jsonb: 'String',
  other: 'String',
};

/**
 * The whole type of a column, as a new table gets it, by default or of a `base` that the operator chose. Every column but
 * the key's is Nullable. An integer in the key is an Int64 whatever its size, because ClickHouse cannot change the type of a
 * key when Postgres widens it.
 */
export function columnType(
  column: Column,
  isKey: boolean,
  {
    base: chosen,
    isLowCardinality = column.kind === 'enum',
  }: { base?: string | undefined; isLowCardinality?: boolean } = {},
): string {
  const base = chosen ?? (isKey && isInteger(column.kind) ? BASE_TYPES.int8 : baseType(column));
  const type = isKey ? base : nullable(base);
  return isLowCardinality && base === 'String' ? lowCardinality(type) : type;
}

/** Whether the text of a value is the value itself: nothing else is the same value. */
export function isTextKind(kind: ValueKind): boolean {
  return BASE_TYPES[kind] === 'String' && kind !== 'numeric';
}

function isInteger(kind: ValueKind): boolean {
  return kind === 'int2' || kind === 'int4' || kind === 'int8';
}

/** The smallest base type for a column's values, which is what a stored type has to hold. */
export function baseType(column: Column): string {
  const { kind, precision, scale } = column;
  if (kind !== 'numeric' || precision === undefined || scale === undefined) return BASE_TYPES[kind];
  return isDecimal({ precision, scale }) ? `Decimal(${precision}, ${scale})` : 'String';
}

/** Whether ClickHouse has a Decimal of these digits. */
function isDecimal({ precision, scale }: { precision: number; scale: number }): boolean {
  return precision >= 1 && precision <= DECIMAL_DIGITS && scale >= 0 && scale <= precision;
}

export function nullable(base: string): string {
  return `Nullable(${base})`;
}

function lowCardinality(type: string): string {
  return `LowCardinality(${type})`;
}

export function isLowCardinality(type: string): boolean {
  return type.startsWith('LowCardinality(');
}

export function isNullable(type: string): boolean {
  return /^(LowCardinality\()?Nullable\(/.test(type);
}

/** `LowCardinality(Nullable(String))` -> `String`. */
export function baseOf(type: string): string {
  const inner = /^(?:LowCardinality|Nullable)\((.+)\)$/.exec(type)?.[1];
  return inner === undefined ? type : baseOf(inner);
}

/** False for a type that Tailrace never makes, not even where the config asks for it. */
export function isKnownType(base: string): boolean {
  const decimal = decimalOf(base);
  if (decimal !== null) return isDecimal(decimal);
  return base === 'UInt64' || Object.values(BASE_TYPES).includes(base);
}

/** The smallest base type that holds all values of both; String holds those of every type. */
export function widestOf(left: string, right: string): string {
  if (holds(left, right)) return left;
  return holds(right, left) ? right : 'String';
}

/** Whether each value of type `other` is a value of type `base` without loss. */
export function holds(base: string, other: string): boolean {
  if (base === other || base === 'String') return true;
  return holdsInteger(base, other) || holdsDecimal(base, other) || (HELD[base]?.includes(other) ?? false);
}

const HELD: Readonly<Record<string, readonly string[]>> = {
  Float64: ['Float32', 'Int32', 'Int16'],
  Float32: ['Int16'],
  [MOMENT]: ['Date32'],
};

/** Digits that every integer of a type fits into. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { Int16: 5, Int32: 10, Int64: 19, UInt64: 20 };

function holdsInteger(base: string, other: string): boolean {
  const digits = INTEGER_DIGITS[other];
  // An integer with a sign does not fit one without.
  if (digits === undefined || base === 'UInt64') return false;
  const decimal = decimalOf(base);
  const room = decimal === null ? INTEGER_DIGITS[base] : decimal.precision - decimal.scale;
  return room !== undefined && room >= digits;
}

function holdsDecimal(base: string, other: string): boolean {
  const [left, right] = [decimalOf(base), decimalOf(other)];
  if (left === null || right === null) return false;
  return left.scale >= right.scale && left.precision - left.scale >= right.precision - right.scale;
}

/** Precision and scale of `Decimal(p, s)`, null for every other type. */
export function decimalOf(base: string): { readonly precision: number; readonly scale: number } | null {
  const match = /^Decimal\((\d+), (\d+)\)$/.exec(base);
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}
