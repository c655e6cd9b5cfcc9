import { TailraceError } from '../core/errors.ts';
import { NOTHING, type PlannedEffect } from '../core/planned-effect.ts';
import { columnChanges } from '../schemas/column-changes.ts';
import { fingerprintOf, qualifiedName } from '../schemas/table-schema.ts';
import { tableTopic } from '../schemas/topics.ts';
import type { CapturedForm } from './captured-forms.ts';
import { isKeyless } from './postgres/tables/catalog.ts';
import { reasonToReadAgain, refuseOtherKey } from './schema-change.ts';

/** A table that a migration touches, or not; null where it is not captured. */
export interface FormChange {
  readonly before: CapturedForm | null;
  readonly after: CapturedForm | null;
}

/** The tables before and after, joined by their oids: a renamed table is the same one. */
export function pairForms(before: readonly CapturedForm[], after: readonly CapturedForm[]): FormChange[] {
  const next = new Map(after.map((form) => [form.oid, form]));
  const known = new Set(before.map(({ oid }) => oid));
  return [
    ...before.map((form) => ({ before: form, after: next.get(form.oid) ?? null })),
    ...after.filter(({ oid }) => !known.has(oid)).map((form) => ({ before: null, after: form })),
  ];
}

/**
 * What the running producer would do about a table's change: TableWatch's rules, asked before it happens. `isNameTaken`
 * says that another table had the new table's name before, and was dropped.
 */
export function planTopic(
  { before, after }: FormChange,
  {
    pipeline,
    snapshot,
    isNameTaken,
  }: { pipeline: string; snapshot: 'initial' | 'never'; isNameTaken: boolean },
): PlannedEffect {
  if (after === null) return { effect: 'evolve', why: 'no longer captured: topic and rows stay', fix: null };
  const wasCaptured = before !== null && before.problem === null;
  const topic = tableTopic(pipeline, after.table);
  if (after.problem !== null) return problemOf(after.problem, wasCaptured);
  if (!wasCaptured) {
    if (isNameTaken)
      return readAgain('made anew: the rows of the table before go, then its own come', snapshot);
    return { effect: 'reread', why: `captured from now on, in topic ${topic}`, fix: null };
  }
  if (qualifiedName(before.table) !== qualifiedName(after.table))
    return readAgain(`renamed: topic ${topic} from now on, the old one stays`, snapshot);
  try {
    refuseOtherKey(before.table, after.table, topic);
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { effect: 'rebuild', why: `${error.code}: ${error.message}`, fix: error.fix };
  }
  const reason = reasonToReadAgain(before, after, after.filled);
  if (reason !== null)
    return readAgain(isKeyless(after.table) ? `${reason}: its history begins anew` : reason, snapshot);
  if (fingerprintOf(before.table) === fingerprintOf(after.table)) return NOTHING;
  const changes = columnChanges(before.table, after.table);
  return { effect: 'evolve', why: changes.join(', ') || 'keys, nulls or foreign keys changed', fix: null };
}

function problemOf({ code, message, fix }: TailraceError, wasCaptured: boolean): PlannedEffect {
  return wasCaptured
    ? { effect: 'break', why: `${code}: ${message}`, fix }
    : { effect: 'nothing', why: `not captured: ${message}`, fix };
}

function readAgain(why: string, snapshot: 'initial' | 'never'): PlannedEffect {
  if (snapshot === 'initial') return { effect: 'reread', why, fix: null };
  const fix = 'run tailrace snapshot for the table when old rows must follow';
  return { effect: 'evolve', why: `${why}; source.snapshot is never, so old rows stay as they are`, fix };
}
