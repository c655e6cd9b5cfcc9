import { z } from 'zod';
import { tablePattern } from '../schemas/table-pattern.ts';
import type { ForeignKey, TableSchema } from '../schemas/table-schema.ts';
import { emptyRow, type Row } from '../schemas/value.ts';
import { perTable } from './per-table.ts';
import { strictOptions } from './strict-options.ts';
import { columnsOf, coversTable } from './table-columns.ts';
import { TransformError } from './transform-error.ts';
import type { TransformModule } from './transform.ts';

const options = strictOptions({
  tables: z.array(tablePattern).min(1).optional(),
  /** Old name to new name. */
  columns: z
    .record(z.string().min(1), z.string().min(1))
    .refine((columns) => Object.keys(columns).length > 0, 'expected at least one "old: new"'),
});

type Rename = (name: string) => string;
const unchanged: Rename = (name) => name;

/** Renames columns, in keys and foreign keys too. All names change at once, so two columns can swap theirs. */
export const transform: TransformModule<z.output<typeof options>> = {
  options,
  create: ({ tables, columns }) => {
    const newNames = new Map(Object.entries(columns));
    const rename: Rename = (name) => newNames.get(name) ?? name;
    // A foreign key proves that the referenced table has the column, so covering the table is enough.
    const renameReferenced = (key: ForeignKey): Rename =>
      coversTable(tables, { schema: key.referencedSchema, name: key.referencedTable }) ? rename : unchanged;
    return perTable((table) => {
      const hasRenamed = columnsOf('renameColumns', tables, table, [...newNames.keys()]).length > 0;
      const refersToRenamed = table.foreignKeys.some((key) =>
        key.referencedColumns.some((name) => renameReferenced(key)(name) !== name),
      );
      if (!hasRenamed && !refersToRenamed) return null;
      const renameOwn = hasRenamed ? rename : unchanged;
      const output = renamedTable(table, renameOwn, renameReferenced);
      return {
        table: output,
        apply: (event) => ({
          ...event,
          table: output,
          key: renamedRow(event.key, renameOwn),
          before: event.before === null ? null : renamedRow(event.before, renameOwn),
          after: event.after === null ? null : renamedRow(event.after, renameOwn),
        }),
      };
    });
  },
};

function renamedTable(
  table: TableSchema,
  rename: Rename,
  renameReferenced: (key: ForeignKey) => Rename,
): TableSchema {
  const columns = table.columns.map((column) => ({ ...column, name: rename(column.name) }));
  const names = columns.map((column) => column.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new TransformError(
      'renameColumns',
      table,
      `two columns would be called "${twice}"`,
      'choose another new name, or rename the other column too',
    );
  return {
    ...table,
    columns,
    key: table.key.map(rename),
    foreignKeys: table.foreignKeys.map((key) => ({
      ...key,
      columns: key.columns.map(rename),
      referencedColumns: key.referencedColumns.map(renameReferenced(key)),
    })),
  };
}

function renamedRow(row: Row, rename: Rename): Row {
  const renamed = emptyRow();
  for (const [name, value] of Object.entries(row)) renamed[rename(name)] = value;
  return renamed;
}
