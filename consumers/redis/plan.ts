import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import { columnChanges } from '../../schemas/column-changes.ts';
import type { SinkContext, TargetChange } from '../sink.ts';
import type { RedisOptions, RedisTableOptions } from './config.ts';
import { keyNames } from './mapping.ts';
import { assertColumns } from './structure.ts';

/** Nothing has a type here: a row takes its new form when it is written next. An option may name a column that goes: then it breaks. */
export function plan(
  { before, after }: TargetChange,
  { hashTags }: RedisOptions,
  tableOptions: SinkContext<RedisTableOptions>['tableOptions'],
): PlannedEffect {
  const names = keyNames(after, hashTags);
  const options = tableOptions(after.table);
  assertColumns(after.table, options);
  if (before === null)
    return {
      effect: 'evolve',
      why: `makes ${options.as === 'hash' ? 'hashes' : 'strings'} ${names.row}...`,
      fix: null,
    };
  const changes = columnChanges(before.table, after.table);
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}
