import type { TableSchema } from './table-schema.ts';

/** What became of a table's columns, in a few words each: `adds a integer`, `drops b`, `c becomes text`. */
export function columnChanges(before: TableSchema, after: TableSchema): string[] {
  const old = new Map(before.columns.map((column) => [column.name, column]));
  const present = new Set(after.columns.map(({ name }) => name));
  return [
    ...after.columns.flatMap(({ name, type }) => {
      const was = old.get(name);
      if (was === undefined) return [`adds ${name} ${type}`];
      return was.type === type ? [] : [`${name} becomes ${type}`];
    }),
    ...before.columns.flatMap(({ name }) => (present.has(name) ? [] : [`drops ${name}`])),
  ];
}
