import type { Target } from '../sink.ts';
import type { ElasticsearchTableOptions } from './config.ts';
import { fieldsOf } from './fields.ts';
import type { WantedIndex } from './index-state.ts';
import { nestedPaths } from './nest.ts';
import { flatSettings } from './settings.ts';

/** What the index of a target must be; pure. Throws TailraceError for a column that cannot be a field. */
export function wantedIndex({ name, table }: Target, options: ElasticsearchTableOptions): WantedIndex {
  const paths = nestedPaths(options.nest);
  const columns = table.columns.map((column) => column.name);
  const nest = columns.flatMap((column) => {
    const at = paths.get(column);
    return at === undefined ? [] : [[column, at] as const];
  });
  return {
    ownership: {
      target: name,
      ...(options.routing === undefined ? {} : { routing: options.routing }),
      ...(nest.length === 0 ? {} : { nest: Object.fromEntries(nest) }),
    },
    fields: fieldsOf(table, options),
    declared: new Set(
      Object.entries(options.fields).flatMap(([column, { type }]) =>
        type === undefined ? [] : [paths.get(column) ?? column],
      ),
    ),
    settings: { 'translog.durability': 'request', ...flatSettings(options.settings) },
  };
}
