import { TailraceError } from '../../core/errors.ts';
import type { SinkContext, Target } from '../sink.ts';
import type { ClickHouseTableOptions } from './config.ts';
import { changesViewOf, historyOf, viewOf } from './table-layout.ts';

/** Throws TABLE_NAMES_COLLIDE where a table or view of one target would have the name of another's. */
export function assertNamesDiffer(
  targets: readonly Target[],
  tableOptions: SinkContext<ClickHouseTableOptions>['tableOptions'],
): void {
  const owners = new Map<string, string>();
  for (const target of targets)
    for (const name of namesOf(target, tableOptions(target.table))) {
      const owner = owners.get(name);
      if (owner !== undefined)
        throw new TailraceError(
          'TABLE_NAMES_COLLIDE',
          `${owner} and ${target.name} would both have a table or view ${name} in ClickHouse`,
          'give one of them another `name` in the mapping of this sink, or leave one of the two tables out.',
        );
      owners.set(name, target.name);
    }
}

function namesOf(
  { name }: Target,
  { history, materializedViews }: ClickHouseTableOptions,
): readonly string[] {
  return [
    name,
    viewOf(name),
    ...(history === null ? [] : [historyOf(name), changesViewOf(name)]),
    ...Object.keys(materializedViews),
  ];
}
