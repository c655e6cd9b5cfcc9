import { Binary, BSON, Double, Int32, Long, type Document } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { columnOf, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import { epochMicros } from '../../schemas/temporal.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import { exactDecimal128 } from './decimal.ts';
import { jsonDocument, type StoredValue } from './json-document.ts';

/** The field of every document that holds the row's position. */
export const POSITION_FIELD = '__pos';
/** The collection that keeps the positions of deleted rows. */
export const TOMBSTONES = '__tombstones';

const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

export type RowId = NonNullable<StoredValue>;

/** A row as its collection holds it: every column as a field, beside the key as `_id`. */
export interface RowDocument extends Document {
  _id: RowId;
  [POSITION_FIELD]: Position;
}

/**
 * A deleted row's position: `_id` is the target's name and the key, as one text. Or the last truncate's, which counts for
 * every key: `_id` is the target's name alone, and no row is left that is older than `done`.
 */
export interface Tombstone {
  _id: string;
  [POSITION_FIELD]: Position;
  done?: Position;
}

/** A write with what MongoDB needs of it. `document` is null for a delete. */
export interface MappedWrite {
  readonly collection: string;
  readonly id: RowId;
  readonly tombstoneId: string;
  /** Of the tombstone that the table's last truncate left. */
  readonly truncateId: string;
  readonly position: Position;
  readonly document: RowDocument | null;
  /** Worth trying as a plain insert first. */
  readonly isNew: boolean;
}

/** Throws TailraceError SINK_EVENT_REJECTED when MongoDB can't hold the row. */
export function mapWrite(write: Write): MappedWrite {
  const { table } = write.target;
  return {
    collection: write.target.name,
    id: rowId(table, write.key),
    tombstoneId: `${truncateId(write.target)}:${keyText(table.key, write.key)}`,
    truncateId: truncateId(write.target),
    position: write.position,
    document: write.op === 'upsert' ? rowDocument(table, write.row, write.position) : null,
    isNew: write.op === 'upsert' && write.isNew === true,
  };
}

/** A `:` in the target's name is escaped, so that no two targets share a tombstone. */
export function truncateId({ name }: Target): string {
  return name.replace(/[\\:]/g, '\\$&');
}

function rowDocument(table: TableSchema, row: Row, position: Position): RowDocument {
  const fields = table.columns
    .filter(({ name }) => name !== '_id')
    .map((column) => {
      const value = row[column.name] ?? null;
      return [column.name, value === null ? null : storedValue(column, value)] as const;
    });
  // A column may be named __proto__, which an assignment would lose.
  const document: RowDocument = {
    _id: rowId(table, row),
    [POSITION_FIELD]: position,
    ...Object.fromEntries(fields),
  };
  if (BSON.calculateObjectSize(document) > MAX_DOCUMENT_BYTES)
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `A row of ${table.schema}.${table.name} is larger than the 16 MB that MongoDB allows a document.`,
      'Leave its large columns out of this sink with a transform, then start the sink again.',
    );
  return document;
}

/** `_id`: the key's value; a subdocument in the order of the key when it has several columns. */
function rowId(table: TableSchema, key: Row): RowId {
  const [first, ...rest] = table.key.map(
    (name) => [name, idValue(columnOf(table, name), key[name] ?? null)] as const,
  );
  if (first === undefined) throw new RangeError('a key has at least one column');
  return rest.length === 0 ? first[1] : Object.fromEntries([first, ...rest]);
}

/** As in a field, but MongoDB takes no array as `_id`, and 1.0 and 1.00 are one key in Postgres. */
function idValue(column: Column, value: Value): RowId {
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

function storedValue(column: Column, value: NonNullable<Value>): RowId {
  return STORED[column.kind](value, column);
}

/** One rule a kind, by column: README.md has them as a table. */
const STORED: Record<ValueKind, (value: NonNullable<Value>, column: Column) => RowId> = {
  boolean: (value) => value === true,
  int2: (value) => new Int32(Number(value)),
  int4: (value) => new Int32(Number(value)),
  int8: (value) => Long.fromBigInt(BigInt(String(value))),
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

/** BSON's Date counts milliseconds, so only columns declared that coarse become one. */
function timestampValue(value: NonNullable<Value>, { precision = 6 }: Column): RowId {
  const text = String(value);
  return precision <= 3 ? dateOrText(text) : withSixDigits(text);
}

/** Years 1 to 9999 are what every tool can show of a Date; infinity, BC and later years stay Postgres' text. */
function dateOrText(text: string): Date | string {
  const micros = /^\d{4}-/.test(text) && !text.endsWith(' BC') ? epochMicros(text) : null;
  return micros === null ? text : new Date(Number(micros / 1000n));
}

/** The fraction always in six digits, so that the order of the texts is the order of the times. */
function withSixDigits(text: string): string {
  return text.replace(/(T\d{2}:\d{2}:\d{2})(?:\.(\d+))?/, (_, time: string, fraction = '') => {
    return `${time}.${String(fraction).padEnd(6, '0')}`;
  });
}

/** Refuses names that MongoDB or this sink can't take. Throws TailraceError SINK_SCHEMA_CONFLICT. */
export function assertStorable({ name, table }: Target): void {
  if (name.startsWith('__') || name.startsWith('system.') || name.includes('$'))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `MongoDB can't have a collection of the name of target ${name}: it begins with __ or system., or holds a $.`,
      'Leave the table out of this sink (tables:).',
    );
  const onlyId = table.key.length === 1 && table.key[0] === '_id';
  for (const column of table.columns)
    if (
      column.name === POSITION_FIELD ||
      (column.name === '_id' && !onlyId) ||
      column.name.startsWith('$') ||
      column.name.includes('.')
    )
      throw new TailraceError(
        'SINK_SCHEMA_CONFLICT',
        `Column ${column.name} of target ${name} can't be a field in MongoDB: _id and __pos are taken, $ and . mean something else there.`,
        'Rename the column for this sink with the transform renameColumns.',
      );
}
