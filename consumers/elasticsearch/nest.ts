import type { ElasticsearchTableOptions } from './config.ts';

type Nest = ElasticsearchTableOptions['nest'];

/** The members of an object field: the field's name inside of it, and the column that it holds. */
export function membersOf(group: Nest[string]): readonly (readonly [field: string, column: string])[] {
  return Array.isArray(group) ? group.map((column) => [column, column] as const) : Object.entries(group);
}

/** The path of the field, as `address.street`, of each column that stands in an object. */
export function nestedPaths(nest: Nest): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(nest).flatMap(([object, group]) =>
      membersOf(group).map(([field, column]) => [column, `${object}.${field}`] as const),
    ),
  );
}
