import type { Document } from 'mongodb';
import type { Column, TableSchema } from '../../schemas/table-schema.ts';
import type { MongodbTableOptions } from './config.ts';

/** Where a column lies in its document: in itself, or in the subdocument `group`. */
export interface Field {
  readonly column: Column;
  readonly group: string | null;
}

interface Layout {
  readonly options: MongodbTableOptions;
  readonly fields: readonly Field[];
}

const layouts = new WeakMap<TableSchema, Layout>();

/** The fields of a table's documents beside `_id` and `__pos`, in the order of the columns. */
export function fieldsOf(table: TableSchema, options: MongodbTableOptions): readonly Field[] {
  const known = layouts.get(table);
  if (known?.options === options) return known.fields;
  const groups = new Map(
    Object.entries(options.nest).flatMap(([group, columns]) => columns.map((column) => [column, group])),
  );
  const fields = table.columns
    .filter(({ name }) => name !== '_id')
    .map((column) => ({
      // A column that is declared with milliseconds becomes a Date.
      column: options.dates.includes(column.name) ? { ...column, precision: 3 } : column,
      group: groups.get(column.name) ?? null,
    }));
  layouts.set(table, { options, fields });
  return fields;
}

/** The name by which a query reaches a column: `street`, or `address.street`. */
export function pathOf(column: string, { nest }: MongodbTableOptions): string {
  const [group] = Object.entries(nest).find(([, columns]) => columns.includes(column)) ?? [];
  return group === undefined ? column : `${group}.${column}`;
}

/** What lies at a path of `pathOf`; undefined where nothing does. */
export function valueAt(document: Document, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Document)[name]
          : undefined,
      document,
    );
}
