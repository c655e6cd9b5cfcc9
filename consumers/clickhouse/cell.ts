import { valueText } from '../../schemas/key-text.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { decimalOf, isTextKind } from './column-type.ts';

/** A value on its way to a type that is not its own: `ofCell` of native-type.ts takes it. Numbers are still their digits. */
export type Cell = boolean | string;

/**
 * Makes the cell of a value, given as its text, for one stored column. Null where the column's type cannot hold the value
 * exactly: ClickHouse itself would wrap, clamp or cut it in silence. A text is held exactly where it is read back as it was.
 */
export type CellWriter = (text: string, kind: ValueKind) => Cell | null;

type Present = Exclude<Value, null>;

const NUMERIC = /^(?:-?\d+(?:\.\d+)?|NaN|-?Infinity)$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MOMENT = /^(\d{4,}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z?)?( BC)?$/;
const INFINITY = /^-?infinity$/;
/** The years 1900 to 2299, which Date32 and DateTime64 hold in every version; others they clamp. */
const IN_RANGE = /^(?:19|2[0-2])\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)?$/;
/** A number as ClickHouse shows it, without an exponent: no zeros around it, no zero with a sign. */
const PLAIN_DIGITS = /^(?:0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.\d*[1-9])$/;
const MIDNIGHT = /^\d{4}-\d\d-\d\d(?:T00:00:00(?:\.0+)?Z?)?$/;

/**
 * A value's text. Throws RangeError for a value that its column in Postgres could not have, which only a transform makes.
 */
export function textOf(value: Present, { kind }: Column): string {
  const text = Object.is(value, -0) ? '-0' : valueText(value);
  if (FORMS[kind]?.(value, text) === false) throw new RangeError(`is no ${kind}`);
  return text;
}

const isMoment = (_: Present, text: string): boolean => MOMENT.test(text) || INFINITY.test(text);
const isFloat = (value: Present): boolean => typeof value === 'number';

/** A kind without a form takes any text. */
const FORMS: Partial<Record<ValueKind, (value: Present, text: string) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  int2: isIntegerOf(16),
  int4: isIntegerOf(32),
  int8: isIntegerOf(64),
  float4: isFloat,
  float8: isFloat,
  numeric: (_, text) => NUMERIC.test(text),
  uuid: (_, text) => UUID.test(text),
  date: isMoment,
  timestamp: isMoment,
  timestamptz: isMoment,
};

function isIntegerOf(bits: number): (value: Present) => boolean {
  const limit = 2 ** (bits - 1);
  return (value) =>
    (typeof value === 'number' || typeof value === 'bigint') && value >= -limit && value < limit;
}

/** For a column of this base type (see column-type.ts). A type that Tailrace never makes holds none of its values. */
export function cellWriterOf(base: string): CellWriter {
  const decimal = decimalOf(base);
  return decimal === null ? (WRITERS[base] ?? (() => null)) : decimalWriter(decimal);
}

const WRITERS: Readonly<Record<string, CellWriter>> = {
  String: (text, kind) => (kind === 'timestamp' || kind === 'timestamptz' ? storedMoment(text) : text),
  Bool: (text) => (text === 'true' || text === 'false' ? text === 'true' : null),
  Int16: integerWriter(16),
  Int32: integerWriter(32),
  Int64: integerWriter(64),
  UInt64: (text) => (/^(?:0|[1-9]\d{0,19})$/.test(text) && BigInt(text) < 2n ** 64n ? text : null),
  // Of a text it may show fewer digits.
  Float32: (text, kind) => (isTextKind(kind) ? null : sameFloat(text, kind, Math.fround)),
  Float64: (text, kind) => sameFloat(text, kind, Number),
  UUID: (text, kind) => (UUID.test(text) && (kind === 'uuid' || text === text.toLowerCase()) ? text : null),
  Date32: (text, kind) =>
    IN_RANGE.test(text) && MIDNIGHT.test(text) && (text.length === 10 || !isTextKind(kind))
      ? text.slice(0, 10)
      : null,
  // It shows every time in its own form.
  "DateTime64(6, 'UTC')": (text, kind) =>
    IN_RANGE.test(text) && !isTextKind(kind) ? storedMoment(text) : null,
};

function integerWriter(bits: number): CellWriter {
  return (text) => {
    if (!/^-?\d{1,19}$/.test(text)) return null;
    const integer = BigInt(text);
    return BigInt.asIntN(bits, integer) === integer && String(integer) === text ? text : null;
  };
}

/** A number fits when the float has the same digits. */
function sameFloat(text: string, kind: ValueKind, round: (number: number) => number): Cell | null {
  if (isTextKind(kind) && !PLAIN_DIGITS.test(text)) return null;
  const digits = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return String(round(Number(text))) === digits ? text : null;
}

function decimalWriter({ precision, scale }: { precision: number; scale: number }): CellWriter {
  return (text, kind) => {
    const [, whole, fraction = ''] = /^-?(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
    if (whole === undefined || (kind !== 'numeric' && !PLAIN_DIGITS.test(text))) return null;
    const isWide = whole.replace(/^0+/, '').length > precision - scale;
    return isWide || fraction.replace(/0+$/, '').length > scale ? null : text;
  };
}

/**
 * `2024-02-29T12:00:00.5Z` -> `2024-02-29 12:00:00.500000`, which is what ClickHouse itself makes of a DateTime64 when the
 * column becomes a String: one time has one text in the column, and texts of four-digit years sort as the times do.
 */
function storedMoment(text: string): string {
  const match = MOMENT.exec(text);
  if (match === null) return text;
  const [, day = '', clock = '00:00:00', fraction = '', era = ''] = match;
  return `${day} ${clock}.${fraction.padEnd(6, '0')}${era}`;
}
