import { Binary, Double, Int32, Long } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import type { Column } from '../../schemas/table-schema.ts';
import { epochMicros } from '../../schemas/temporal.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { exactDecimal128 } from './decimal.ts';
import { jsonDocument, type StoredValue } from './json-document.ts';

export type RowId = NonNullable<StoredValue>;

/** As in a field, but MongoDB takes no array as `_id`, and 1.0 and 1.00 are one key in Postgres. */
export function idValue(column: Column, value: Value): RowId {
  if (value === null)
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `Key column ${column.name} is null.`,
      'A key can hold no null.',
    );
  if (typeof value !== 'string') return storedValue(column, value);
  if (column.kind === 'jsonb') return value;
  if (column.kind !== 'numeric' || !value.includes('.')) return storedValue(column, value);
  return storedValue(column, value.replace(/\.?0+$/, ''));
}

/** Throws TailraceError SINK_EVENT_REJECTED where a transform has made a value that is none of the column's type. */
export function storedValue(column: Column, value: NonNullable<Value>): RowId {
  try {
    return STORED[column.kind](value, column);
  } catch (error) {
    // JSON.parse and BigInt quote what they can't read, so the message is left out.
    if (!(error instanceof SyntaxError)) throw error;
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `Column ${column.name} has a value that is no ${column.type}.`,
      'Mend the transform that makes it, then start the sink again.',
    );
  }
}

/** One rule a kind, by column: README.md has them as a table. */
const STORED: Record<ValueKind, (value: NonNullable<Value>, column: Column) => RowId> = {
  boolean: (value) => value === true,
  int2: (value) => new Int32(Number(value)),
  int4: (value) => new Int32(Number(value)),
  int8: (value) => longOf(typeof value === 'bigint' ? value : BigInt(String(value))),
  float4: (value) => new Double(Number(value)),
  float8: (value) => new Double(Number(value)),
  numeric: (value) => exactDecimal128(String(value)) ?? String(value),
  text: asText,
  uuid: asText,
  enum: asText,
  date: (value) => dateOrText(String(value)),
  timestamp: timestampValue,
  timestamptz: timestampValue,
  time: asText,
  timetz: asText,
  interval: asText,
  bytea: (value) => (value instanceof Uint8Array ? new Binary(value) : String(value)),
  json: asText,
  jsonb: (value) => jsonDocument(String(value)),
  other: asText,
};

function asText(value: NonNullable<Value>): string {
  return String(value);
}

/** As `Long.fromBigInt`, which goes by way of the digits. */
function longOf(value: bigint): Long {
  return new Long(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}

/** BSON's Date counts milliseconds, so only columns declared that coarse, or called `dates` in the config, become one. */
function timestampValue(value: NonNullable<Value>, { precision = 6 }: Column): RowId {
  const text = String(value);
  return precision <= 3 ? dateOrText(text) : withSixDigits(text);
}

/** Years 1 to 9999 are what every tool can show of a Date; infinity, BC and later years stay Postgres' text. */
function dateOrText(text: string): Date | string {
  const micros = /^\d{4}-/.test(text) && !text.endsWith(' BC') ? epochMicros(text) : null;
  if (micros === null) return text;
  // Digits below a millisecond are cut off, before 1970 too, where the quotient of negative numbers would round up.
  return new Date(Math.floor(Number(micros) / 1000));
}

/** The fraction always in six digits, so that the order of the texts is the order of the times. */
function withSixDigits(text: string): string {
  return text.replace(/(T\d{2}:\d{2}:\d{2})(?:\.(\d+))?/, (_, time: string, fraction = '') => {
    return `${time}.${String(fraction).padEnd(6, '0')}`;
  });
}
