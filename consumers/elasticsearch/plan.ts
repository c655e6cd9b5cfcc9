import { TailraceError } from '../../core/errors.ts';
import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import type { SinkContext, TargetChange } from '../sink.ts';
import type { ElasticsearchOptions, ElasticsearchTableOptions } from './config.ts';
import { fieldsOf } from './fields.ts';
import { keptFields } from './indices.ts';
import { aliasNameOf, firstIndexOf } from './names.ts';
import { assertOptionsFit } from './table-options.ts';

/** Fields are added and keep their types, as `prepareIndex` does; only a column that becomes jsonb needs a new index. */
export function plan(
  { before, after, allAfter }: TargetChange,
  _options: ElasticsearchOptions,
  tableOptions: SinkContext<ElasticsearchTableOptions>['tableOptions'],
): PlannedEffect {
  const alias = aliasNameOf(after.name);
  const options = tableOptions(after.table);
  const wanted = fieldsOf(after.table, options);
  const namesake = allAfter.find(({ name }) => name !== after.name && aliasNameOf(name) === alias);
  if (namesake !== undefined) {
    const why = `${namesake.name} and ${after.name} both need the index ${alias}`;
    return { effect: 'break', why, fix: 'leave one of the two tables out of this sink' };
  }
  assertOptionsFit(after, options);
  const name = options.index ?? firstIndexOf(alias);
  if (before === null) return { effect: 'evolve', why: `makes index ${alias}`, fix: null };
  const stored = new Map(
    Object.entries(fieldsOf(before.table, tableOptions(before.table))).map(([field, { type }]) => [
      field,
      type,
    ]),
  );
  try {
    const changes = [
      ...Object.entries(wanted).flatMap(([field, { type }]) =>
        stored.has(field) ? [] : [`adds ${field} ${type}`],
      ),
      ...keptFields({ name, fields: stored }, after.table, options).map(
        ({ name: field, kept }) => `${field} stays ${kept}: searches may miss values that do not fit it`,
      ),
      ...[...stored.keys()].flatMap((field) =>
        Object.hasOwn(wanted, field) ? [] : [`documents lose ${field}, its field stays`],
      ),
    ];
    return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { effect: 'rebuild', why: error.message, fix: error.fix };
  }
}
