import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import { columnChanges } from '../../schemas/column-changes.ts';
import type { TargetChange } from '../sink.ts';
import { assertStorable } from './mapping.ts';

/** Nothing has a type here: a row takes its new form when it is written next. */
export function plan({ before, after }: TargetChange): PlannedEffect {
  assertStorable(after);
  if (before === null) return { effect: 'evolve', why: `makes collection ${after.name}`, fix: null };
  const changes = columnChanges(before.table, after.table);
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}
