import { TailraceError } from '../../core/errors.ts';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Value } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import { textOf, type Cell, type CellWriter } from './cell.ts';
import { columnType, type TableColumn } from './column-type.ts';
import { quoteName } from './statements.ts';

/** The columns of a stored table by name: what values become in them. */
export type StoredColumns = ReadonlyMap<string, { readonly type: string; readonly cell: CellWriter }>;

/** Columns that the operator wants as String, as `<target>.<column>`. */
export type TextColumns = ReadonlySet<string>;

/** The version and the tombstone mark, which ReplacingMergeTree takes as its arguments. */
export const INTERNAL_COLUMNS: readonly TableColumn[] = [
  { name: '__pos', type: 'UInt128' },
  { name: '__deleted', type: 'UInt8' },
];

/**
 * The columns of a new table, the internal ones last. All but the key are Nullable, because a tombstone holds only the key.
 * Throws TailraceError for a column with an internal name.
 */
export function columnsOf({ name: target, table }: Target, textColumns: TextColumns): readonly TableColumn[] {
  const columns = table.columns.map((column) => {
    const kind = textColumns.has(`${target}.${column.name}`) ? 'text' : column.kind;
    return { name: column.name, type: columnType({ ...column, kind }, table.key.includes(column.name)) };
  });
  const taken = columns.find(({ name }) => INTERNAL_COLUMNS.some((internal) => internal.name === name));
  if (taken === undefined) return [...columns, ...INTERNAL_COLUMNS];
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${taken.name} of ${qualifiedName(table)} has the name of a column that Tailrace adds`,
    'give the column another name in this sink with the transform renameColumns.',
  );
}

/**
 * The cells of a write: the table's columns in the order of its schema, then version and mark. A value that its stored column
 * cannot hold exactly adds the column to `misfits`, and the cells then serve nothing. Throws TailraceError
 * SINK_EVENT_REJECTED, naming column and type, for a value that no column of its kind has in Postgres, and for a misfit in
 * the key, whose type ClickHouse cannot change.
 */
export function cellsOf(
  write: Write,
  stored: StoredColumns,
  misfits: Set<string>,
): readonly (Cell | number | null)[] {
  const { table } = write.target;
  const row = write.op === 'upsert' ? write.row : write.key;
  const cells: (Cell | number | null)[] = table.columns.map((column) => {
    const value = row[column.name] ?? null;
    if (value === null) return null;
    const { cell: makeCell, type } = storedColumn(stored, column);
    const cell = makeCell(textOrReject(table, column, value), column.kind);
    if (cell !== null) return cell;
    if (table.key.includes(column.name)) throw keyMisfit(write.target, column, type);
    misfits.add(column.name);
    return null;
  });
  cells.push(BigInt(`0x${write.position}`).toString(), write.op === 'delete' ? 1 : 0);
  return cells;
}

function storedColumn(stored: StoredColumns, { name }: Column): { type: string; cell: CellWriter } {
  const column = stored.get(name);
  if (column === undefined) throw new RangeError(`column ${name} was not prepared`);
  return column;
}

function textOrReject(table: TableSchema, column: Column, value: Exclude<Value, null>): string {
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
    `give the sink the option textColumns: [${name}.${column.name}], then ${fillAnew(name)}.`,
  );
}

/** What an operator does when a table in ClickHouse cannot follow its source. The sink makes it anew, from the topics. */
export function fillAnew(table: string): string {
  return (
    `stop the sink, run RENAME TABLE ${quoteName(table)} TO ${quoteName(`${table}_before`)} in ClickHouse, delete the sink's ` +
    'consumer group (kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink'
  );
}
