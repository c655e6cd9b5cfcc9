import type { MappingConfig } from '../core/config/schema.ts';
import type { Row } from '../schemas/value.ts';
import type { Transform } from '../transforms/transform.ts';

/**
 * Leaves the columns that the config includes or does not exclude, and always those of the key. A name that the table lacks
 * is passed over: it may have had the column, or get it later.
 */
export function selectColumns({ include, exclude }: NonNullable<MappingConfig['columns']>): Transform {
  const isWanted = (name: string) =>
    include === undefined ? exclude?.includes(name) !== true : include.includes(name);
  return {
    schema: (table) => {
      const isKept = (name: string) => table.key.includes(name) || isWanted(name);
      return {
        ...table,
        columns: table.columns.filter(({ name }) => isKept(name)),
        foreignKeys: table.foreignKeys.filter(({ columns }) => columns.every(isKept)),
      };
    },
    apply: (event, table) => {
      const selected = (row: Row | null): Row | null =>
        row === null
          ? null
          : Object.fromEntries(
              table.columns.flatMap(({ name }) => {
                const value = row[name];
                return value === undefined ? [] : [[name, value]];
              }),
            );
      return { ...event, table, before: selected(event.before), after: selected(event.after) };
    },
  };
}
