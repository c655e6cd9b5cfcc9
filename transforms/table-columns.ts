import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName, type Column, type TableSchema } from '../schemas/table-schema.ts';
import { TransformError } from './transform-error.ts';

/** Whether a transform with this option `tables` (default: all) works on the table. */
export function coversTable(
  tables: readonly string[] | undefined,
  table: { readonly schema: string; readonly name: string },
): boolean {
  return tables === undefined || matchesTable(tables, table);
}

/** The column of that name. Throws TransformError when the table has none. */
export function requireColumn(transform: string, table: TableSchema, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  throw new TransformError(
    transform,
    table,
    `there is no column "${name}"; its columns are ${table.columns.map((known) => known.name).join(', ')}`,
    'correct the name, or limit the transform to the tables that have the column with `tables`',
  );
}

/**
 * The named columns that the table has. A list of columns often serves many tables, so one that is missing is passed over,
 * unless `tables` names this very table: then it is a mistake and throws TransformError.
 */
export function columnsOf(
  transform: string,
  tables: readonly string[] | undefined,
  table: TableSchema,
  names: readonly string[],
): string[] {
  if (!coversTable(tables, table)) return [];
  if (tables?.includes(qualifiedName(table)) === true)
    return names.map((name) => requireColumn(transform, table, name).name);
  return names.filter((name) => table.columns.some((column) => column.name === name));
}
