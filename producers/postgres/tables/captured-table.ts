import type { EventSource, ChangeEvent, Operation } from '../../../schemas/change-event.ts';
import { keyOf } from '../../../schemas/change-event.ts';
import type { Position } from '../../../schemas/position.ts';
import type { Column, TableSchema } from '../../../schemas/table-schema.ts';
import { emptyRow, type Row, type Value } from '../../../schemas/value.ts';
import { isKeyless } from './catalog.ts';
import type { Tuple } from '../pgoutput/messages.ts';
import { valueFromText } from './text-value.ts';

/** A table with the way from the stream's tuples to rows. The tuple's places may differ from the schema's. */
export interface CapturedTable {
  readonly oid: number;
  readonly table: TableSchema;
  /** For each place of a tuple its column, or null for one that is not captured. */
  readonly places: readonly (Column | null)[];
}

/** Restricts a schema to the columns that the config captures; the key's always are. */
export function captureTable(
  oid: number,
  schema: TableSchema,
  isCaptured: (column: string) => boolean,
): CapturedTable {
  const columnsOrNull = schema.columns.map((column) =>
    isCaptured(column.name) || schema.key.includes(column.name) ? column : null,
  );
  const columns = columnsOrNull.filter((column) => column !== null);
  const names = new Set(columns.map(({ name }) => name));
  const foreignKeys = schema.foreignKeys.filter((foreignKey) =>
    foreignKey.columns.every((name) => names.has(name)),
  );
  // The position, which comes first, is not in the source.
  const places = isKeyless(schema) ? columnsOrNull.slice(1) : columnsOrNull;
  return { oid, table: { ...schema, columns, foreignKeys }, places };
}

/** A tuple as a row. Columns whose unchanged TOAST value was not sent are absent. */
export function rowFromTuple({ places }: CapturedTable, tuple: Tuple): Row {
  const row = emptyRow();
  for (let place = 0; place < places.length; place++) {
    const column = places[place];
    const text = tuple[place];
    if (column != null && text !== undefined)
      row[column.name] = text === null ? null : valueFromText(column.kind, text);
  }
  return row;
}

/** The names of captured columns that a new row lacks, because their TOAST value is unchanged. */
export function missingColumns(captured: CapturedTable, row: Row): string[] {
  return captured.table.columns
    .filter((column) => !Object.hasOwn(row, column.name))
    .map((column) => column.name);
}

/**
 * The old row of an update or delete. With an old key only the key's columns mean anything (Postgres sends null for the
 * rest); a replica identity other than the primary key may lack key columns, which are then taken from the new row.
 */
export function oldRow(captured: CapturedTable, kind: 'key' | 'full', tuple: Tuple): Row {
  const row = rowFromTuple(captured, tuple);
  if (kind === 'full') return row;
  const key = emptyRow();
  for (const [name, value] of Object.entries(row)) if (value !== null) key[name] = value;
  return key;
}

/** One change as an event; `before` and `after` are rows of `captured.table`, both null for a truncate. */
export function makeEvent(
  { table }: CapturedTable,
  op: Operation,
  before: Row | null,
  after: Row | null,
  position: Position,
  source: EventSource,
): ChangeEvent {
  const identifying = after ?? before;
  const key = identifying === null ? {} : keyOf(table, identifying);
  return { table, op, key, before, after, position, source, tsMs: Date.now() };
}

/** Whether two rows of the table have the same primary key. */
export function sameKey(table: TableSchema, left: Row, right: Row): boolean {
  return table.key.every((name) => sameValue(left[name] ?? null, right[name] ?? null));
}

function sameValue(left: Value, right: Value): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return Object.is(left, right);
}

/** A key as a text that is unique within its table, for sets of keys. */
export function keyIdentity(table: TableSchema, key: Row): string {
  return JSON.stringify(
    table.key.map((name) => {
      const value = key[name] ?? null;
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      return typeof value === 'bigint' || typeof value === 'number' ? String(value) : value;
    }),
  );
}
