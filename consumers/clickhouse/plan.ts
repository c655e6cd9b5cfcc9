import { TailraceError } from '../../core/errors.ts';
import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import type { TargetChange } from '../sink.ts';
import type { ClickHouseOptions } from './config.ts';
import { columnsOf } from './mapping.ts';
import { assertNoViewAmong, neededChanges } from './structure.ts';

/** Columns are added and widened, as `prepareTable` does; a key whose new type the old one does not hold needs a new table. */
export function plan(
  { before, after, allAfter }: TargetChange,
  { textColumns }: ClickHouseOptions,
): PlannedEffect {
  const names = new Set(textColumns);
  const wanted = columnsOf(after, names);
  assertNoViewAmong(allAfter);
  if (before === null) return { effect: 'evolve', why: `makes table ${after.name} and its view`, fix: null };
  const stored = columnsOf(before, names);
  try {
    const { added, modified } = neededChanges(after, wanted, stored);
    const hidden = stored.filter(({ name }) => wanted.every((column) => column.name !== name));
    const changes = [
      ...added.map(({ name, type }) => `adds ${name} ${type}`),
      ...modified.map(({ name, type }) => `${name} becomes ${type}`),
      ...hidden.map(({ name }) => `the view no longer shows ${name}`),
    ];
    return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { effect: 'rebuild', why: error.message, fix: error.fix };
  }
}
