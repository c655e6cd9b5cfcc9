import { columnOf, type ForeignKey } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { Neo4jTableOptions } from './config.ts';
import { formsOf, referencedTarget, refersToKey, sameNames, type Known } from './known-targets.ts';
import { foreignKeyNamed } from './named-foreign-key.ts';
import { unfitting } from './unfitting-options.ts';

/** The foreign keys that are the ends of a row's relationship. */
interface Ends {
  readonly start: ForeignKey;
  readonly end: ForeignKey;
}

/**
 * The two ends of a table that is stored as relationships, null of one that is stored as nodes. Throws CONFIG_INVALID where
 * the options ask for a relationship and the table can't be one.
 */
export function endsOf(target: Target, options: Neo4jTableOptions, known: Known): Ends | null {
  if (options.as === 'node') return null;
  const ends = wantedEnds(target, options);
  if (ends === null) return null;
  const problem = problemOf(target, ends, known);
  if (problem === null) return ends;
  if (options.as === undefined) return null;
  throw unfitting(target, 'as: relationship', problem, 'store the table as node');
}

export function isRelationship(target: Target, known: Known): boolean {
  return endsOf(target, known.optionsOf(target.table), known) !== null;
}

function wantedEnds(target: Target, options: Neo4jTableOptions): Ends | null {
  const pair = keyPairOf(target) ?? (options.as === undefined ? null : onlyPairOf(target));
  const named = (option: 'start' | 'end'): ForeignKey | undefined => {
    const name = options[option];
    return name === undefined ? undefined : foreignKeyNamed(target, name, option);
  };
  if (options.as === undefined && pair === null) return null;
  const [start, end] = [named('start'), named('end')];
  const ends =
    start !== undefined && end !== undefined
      ? { start, end }
      : start !== undefined
        ? { start, end: otherOf(pair, start) }
        : end !== undefined
          ? { start: otherOf(pair, end), end }
          : { start: pair?.[0], end: pair?.[1] };
  if (ends.start !== undefined && ends.end !== undefined && ends.start.name !== ends.end.name)
    return { start: ends.start, end: ends.end };
  throw unfitting(
    target,
    'as: relationship',
    'the table has not exactly two foreign keys, so its ends are not known',
    'name both with `start` and `end`, by column or constraint',
  );
}

function otherOf(pair: readonly [ForeignKey, ForeignKey] | null, one: ForeignKey): ForeignKey | undefined {
  return pair?.some(({ name }) => name === one.name) === true
    ? pair.find(({ name }) => name !== one.name)
    : undefined;
}

/** The two foreign keys that make up the primary key, the one with the key's first column first. */
function keyPairOf({ table }: Target): readonly [ForeignKey, ForeignKey] | null {
  const inKey = table.foreignKeys
    .filter(({ columns }) => columns.every((column) => table.key.includes(column)))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  for (const first of inKey) {
    if (!first.columns.includes(table.key[0] ?? '')) continue;
    const rest = table.key.filter((column) => !first.columns.includes(column));
    const second = inKey.find(({ columns }) => rest.length > 0 && sameNames(columns, rest));
    if (second !== undefined) return [first, second];
  }
  return null;
}

/** The two foreign keys of a table that has no third, in the order of its columns. */
function onlyPairOf({ table }: Target): readonly [ForeignKey, ForeignKey] | null {
  const place = ({ columns }: ForeignKey): number =>
    table.columns.findIndex(({ name }) => columns.includes(name));
  const [first, second, ...more] = table.foreignKeys.toSorted((left, right) => place(left) - place(right));
  return first === undefined || second === undefined || more.length > 0 ? null : [first, second];
}

/** Why the rows can't be relationships between these ends; null when they can. */
function problemOf(target: Target, ends: Ends, known: Known): string | null {
  for (const foreignKey of [ends.start, ends.end]) {
    const columns = foreignKey.columns.join(', ');
    if (foreignKey.columns.some((name) => columnOf(target.table, name).nullable))
      return `${columns} may be null, and a relationship has two ends`;
    const referenced = referencedTarget(foreignKey, known);
    if (referenced === undefined) continue;
    if (!refersToKey(foreignKey, referenced) || formsOf(target, foreignKey, referenced) !== 'equal')
      return `${columns} does not refer to the key by which the nodes of ${referenced.name} are found`;
    // Without a look at that table's own ends, which may lead back here.
    const options = known.optionsOf(referenced.table);
    if (options.as !== 'node' && wantedEnds(referenced, options) !== null)
      return `${columns} refers to ${referenced.name}, whose rows would be relationships themselves`;
  }
  return null;
}
