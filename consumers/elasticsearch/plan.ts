import { TailraceError } from '../../core/errors.ts';
import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import type { TargetChange } from '../sink.ts';
import { keptFields } from './indices.ts';
import { fieldsOf } from './mapping.ts';
import { aliasNameOf } from './names.ts';

/** Fields are added and keep their types, as `prepareIndex` does; only a column that becomes jsonb needs a new index. */
export function plan({ before, after, allAfter }: TargetChange): PlannedEffect {
  const alias = aliasNameOf(after.name);
  const wanted = fieldsOf(after.table);
  const namesake = allAfter.find(({ name }) => name !== after.name && aliasNameOf(name) === alias);
  if (namesake !== undefined) {
    const why = `${namesake.name} and ${after.name} both need the index ${alias}`;
    return { effect: 'break', why, fix: 'leave one of the two tables out of this sink' };
  }
  if (before === null) return { effect: 'evolve', why: `makes index ${alias}`, fix: null };
  const stored = new Map(Object.entries(fieldsOf(before.table)).map(([name, { type }]) => [name, type]));
  try {
    const changes = [
      ...Object.entries(wanted).flatMap(([name, { type }]) =>
        stored.has(name) ? [] : [`adds ${name} ${type}`],
      ),
      ...keptFields(after, stored).map(
        ({ name, kept }) => `${name} stays ${kept}: searches may miss values that do not fit it`,
      ),
      ...[...stored.keys()].flatMap((name) =>
        Object.hasOwn(wanted, name) ? [] : [`documents lose ${name}, its field stays`],
      ),
    ];
    return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { effect: 'rebuild', why: error.message, fix: error.fix };
  }
}
