import { TailraceError } from '../../core/errors.ts';
import { ownEntry } from '../../core/own-entry.ts';
import { qualifiedName, type Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Target } from '../sink.ts';
import { cellWriterOf, textOf, type CellWriter } from './cell.ts';
import { baseOf, columnType, isNullable, type TableColumn } from './column-type.ts';
import type { ClickHouseTableOptions } from './config.ts';
import type { Bytes } from './native-bytes.ts';
import { nativeTypeOf, type NativeType } from './native-type.ts';
import { quoteName } from './quote.ts';

/** What values become in a column of a stored table. */
export interface StoredColumn {
  readonly base: string;
  readonly isNullable: boolean;
  readonly cell: CellWriter;
  /** Null for a type that Tailrace never makes. */
  readonly native: NativeType | null;
}

/** By name. */
export type StoredColumns = ReadonlyMap<string, StoredColumn>;

export function storedColumnsOf(columns: readonly TableColumn[]): StoredColumns {
  return new Map(
    columns.map(({ name, type }) => {
      const base = baseOf(type);
      const stored = {
        base,
        isNullable: isNullable(type),
        cell: cellWriterOf(base),
        native: nativeTypeOf(base),
      };
      return [name, stored];
    }),
  );
}

/**
 * The columns of a new table, those that Tailrace adds last. All but the key are Nullable, because a tombstone holds only the
 * key. Throws TailraceError for a column with the name of an added one.
 */
export function columnsOf(
  { table }: Target,
  { columnTypes, lowCardinality }: Pick<ClickHouseTableOptions, 'columnTypes' | 'lowCardinality'>,
  added: readonly TableColumn[],
): readonly TableColumn[] {
  const taken = table.columns.find(({ name }) => added.some((internal) => internal.name === name));
  if (taken !== undefined)
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `column ${taken.name} of ${qualifiedName(table)} has the name of a column that Tailrace adds`,
      'give the column another name in this sink with the transform renameColumns.',
    );
  const columns = table.columns.map((column) => ({
    name: column.name,
    type: columnType(column, table.key.includes(column.name), {
      base: ownEntry(columnTypes, column.name),
      isLowCardinality: column.kind === 'enum' || lowCardinality.includes(column.name),
    }),
  }));
  return [...columns, ...added];
}

/** Kinds whose values a stored type takes in the form of value.ts, with no text made of them. */
const DIRECT: Partial<Record<ValueKind, RegExp>> = {
  boolean: /^Bool/,
  int2: /^U?Int/,
  int4: /^U?Int/,
  int8: /^U?Int/,
  float4: /^Float/,
  float8: /^Float64/,
  numeric: /^Decimal/,
  uuid: /^UUID/,
  date: /^Date/,
  timestamp: /^DateTime64/,
  timestamptz: /^DateTime64/,
  text: /^String/,
  enum: /^String/,
  json: /^String/,
  jsonb: /^String/,
  time: /^String/,
  timetz: /^String/,
  interval: /^String/,
  other: /^String/,
};

/**
 * Appends a value to the bytes of a column. False where the stored column cannot hold it exactly. Throws TailraceError
 * SINK_EVENT_REJECTED, naming column and type, for a value that no column of its kind has in Postgres, and for one that does
 * not fit its column in the key, whose type ClickHouse cannot change.
 */
export type PutValue = (out: Bytes, value: Exclude<Value, null>) => boolean;

export function putValueOf(
  target: Target,
  column: Column,
  { base, native, cell: makeCell }: StoredColumn,
): PutValue {
  const isDirect = DIRECT[column.kind]?.test(base) ?? false;
  const isKey = target.table.key.includes(column.name);
  const isWidened = column.kind === 'float4' && base === 'Float64';
  return (out, given) => {
    // As ClickHouse and Postgres widen it: 0.1 becomes 0.10000000149011612.
    const value = isWidened && typeof given === 'number' ? Math.fround(given) : given;
    if (isDirect && native?.put(out, value) === true) return true;
    const cell = makeCell(textOrReject(target, column, value), column.kind);
    if (cell !== null && native?.put(out, native.ofCell(cell)) === true) return true;
    if (isKey) throw keyMisfit(target, column, base);
    return false;
  };
}

function textOrReject({ table }: Target, column: Column, value: Exclude<Value, null>): string {
  try {
    return textOf(value, column);
  } catch (error) {
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `a value of column ${column.name} (${column.type}) of ${qualifiedName(table)} is none of that type`,
      'change the value with a transform of this sink, or leave such rows out with filterRows.',
      { cause: error },
    );
  }
}

function keyMisfit({ name, table }: Target, column: Column, type: string): TailraceError {
  return new TailraceError(
    'SINK_EVENT_REJECTED',
    `a value of column ${column.name} (${column.type}) in the key of ${qualifiedName(table)} does not fit ${type}`,
    `give the table columnTypes: { ${column.name}: String } in the mapping of this sink, then ${fillAnew(name)}.`,
  );
}

/** What an operator does when a table in ClickHouse cannot follow its source. The sink makes it anew, from the topics. */
export function fillAnew(table: string): string {
  return (
    `stop the sink, run RENAME TABLE ${quoteName(table)} TO ${quoteName(`${table}_before`)} in ClickHouse, delete the sink's ` +
    'consumer group (kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink'
  );
}
