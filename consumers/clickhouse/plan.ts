import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import type { SinkContext, Target, TargetChange } from '../sink.ts';
import { aggregatesOf } from './aggregate.ts';
import { neededChanges } from './column-changes.ts';
import type { ClickHouseOptions, ClickHouseTableOptions } from './config.ts';
import { fillAnew } from './mapping.ts';
import { assertColumns, layoutsOf, rowsLayout, sortingKeyOf } from './table-layout.ts';
import { assertNamesDiffer } from './taken-names.ts';

/**
 * Columns are added and widened, as `prepareTable` does; another key, or one whose new type the old one does not hold, needs a
 * new table. Throws CONFIG_INVALID where the options of the table do not fit it any more.
 */
export function plan(
  { before, after, allAfter }: TargetChange,
  _options: ClickHouseOptions,
  tableOptions: SinkContext<ClickHouseTableOptions>['tableOptions'],
): PlannedEffect {
  const options = tableOptions(after.table);
  assertNamesDiffer(allAfter, tableOptions);
  assertColumns(after, options);
  const [rows] = layoutsOf(after, options);
  aggregatesOf(after, options);
  if (before === null || rows === undefined)
    return { effect: 'evolve', why: `makes ${madeFor(after, options)}`, fix: null };
  const stored = rowsLayout(before, options);
  const { added, modified, conflicts } = neededChanges(rows, stored.columns);
  const isOrderSame = new Set(stored.identity).symmetricDifference(new Set(rows.identity)).size === 0;
  const differences = [
    ...(isOrderSame
      ? []
      : [
          `ORDER BY is (${sortingKeyOf(stored).join(', ')}), and needs to be (${sortingKeyOf(rows).join(', ')})`,
        ]),
    ...conflicts,
  ];
  if (differences.length > 0)
    return { effect: 'rebuild', why: differences.join(', '), fix: `${fillAnew(after.name)}.` };
  const hidden = stored.columns.filter(({ name }) => rows.columns.every((column) => column.name !== name));
  const changes = [
    ...added.map(({ name, type }) => `adds ${name} ${type}`),
    ...modified.map(({ name, type }) => `${name} becomes ${type}`),
    ...hidden.map(({ name }) => `the view no longer shows ${name}`),
  ];
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}

function madeFor({ name }: Target, { history, materializedViews }: ClickHouseTableOptions): string {
  const others = [...(history === null ? [] : ['its history']), ...Object.keys(materializedViews)];
  return [`table ${name} and its view`, ...others].join(', ');
}
