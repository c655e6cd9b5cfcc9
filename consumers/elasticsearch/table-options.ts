import { suggest } from '../../core/config/suggest.ts';
import { TailraceError } from '../../core/errors.ts';
import { qualifiedName } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { ElasticsearchTableOptions } from './config.ts';
import { copyTargets } from './fields.ts';
import { membersOf, nestedPaths } from './nest.ts';

/** Throws CONFIG_INVALID where the options of a table name a column that it lacks, or say two things of one column. */
export function assertOptionsFit({ table }: Target, options: ElasticsearchTableOptions): void {
  const columns = table.columns.map(({ name }) => name);
  const refuse = (what: string, fix: string): never => {
    throw new TailraceError('CONFIG_INVALID', `mapping of ${qualifiedName(table)}: ${what}`, fix);
  };
  const assertKnown = (place: string, name: string, known: readonly string[], kind: string): void => {
    if (!known.includes(name))
      refuse(
        `${place}: there is no ${kind} "${name}"${suggest(name, known)}`,
        `use one of: ${known.join(', ')}`,
      );
  };

  const copies = copyTargets(options);
  for (const name of Object.keys(options.fields))
    assertKnown('fields', name, [...columns, ...copies], 'column');
  if (options.routing !== undefined)
    // The delete of a row, and its document in another shard, are found by the key alone.
    assertKnown('routing', options.routing, table.key, 'key column');

  const paths = nestedPaths(options.nest);
  const placed = new Set<string>();
  for (const [object, group] of Object.entries(options.nest)) {
    for (const [, column] of membersOf(group)) {
      assertKnown(`nest.${object}`, column, columns, 'column');
      if (placed.has(column)) refuse(`nest: ${column} stands in two places`, 'leave it in one of them');
      placed.add(column);
    }
  }
  const taken = new Set([...Object.keys(options.nest), ...paths.values()]);
  const namesake = columns.find((name) => !paths.has(name) && taken.has(name));
  if (namesake !== undefined)
    refuse(`nest: ${namesake} is the name of a column too`, 'give the object or its field another name');
}
