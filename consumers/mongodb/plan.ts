import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import { columnChanges } from '../../schemas/column-changes.ts';
import type { SinkContext, TargetChange } from '../sink.ts';
import type { MongodbOptions, MongodbTableOptions } from './config.ts';
import { familiesOf } from './embedding.ts';
import { declaredIndexes } from './indexes.ts';
import { assertStorable } from './storable.ts';

/** Nothing has a type here: a row takes its new form when it is written next. Throws where an option does not fit. */
export function plan(
  { before, after, allAfter }: TargetChange,
  _options: MongodbOptions,
  tableOptions: SinkContext<MongodbTableOptions>['tableOptions'],
): PlannedEffect {
  assertStorable(after, tableOptions(after.table));
  declaredIndexes(after, tableOptions(after.table));
  familiesOf(allAfter, tableOptions);
  if (before === null) return { effect: 'evolve', why: `makes collection ${after.name}`, fix: null };
  const changes = columnChanges(before.table, after.table);
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}
