import { TailraceError } from '../../core/errors.ts';
import { suggest } from '../../core/config/suggest.ts';
import { qualifiedName } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { MongodbTableOptions } from './config.ts';
import { POSITION_FIELD } from './mapping.ts';

/**
 * Refuses what MongoDB or this sink can't take. Throws TailraceError SINK_SCHEMA_CONFLICT for names of the table, and
 * CONFIG_INVALID for options that do not fit it.
 */
export function assertStorable(target: Target, options: MongodbTableOptions): void {
  assertNames(target);
  assertDates(target, options);
  assertNest(target, options);
  assertArrays(target, options);
}

/** `_bsontype` is how the driver tells its own types from documents. */
const TAKEN = [POSITION_FIELD, '_bsontype'];

function assertNames({ name, table }: Target): void {
  if (name.startsWith('__') || name.startsWith('system.') || name.includes('$'))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `MongoDB can't have a collection of the name of target ${name}: it begins with __ or system., or holds a $.`,
      'Give it another name with mapping.<table>.name, or leave the table out of this sink (tables:).',
    );
  const onlyId = table.key.length === 1 && table.key[0] === '_id';
  for (const column of table.columns)
    if (
      TAKEN.includes(column.name) ||
      (column.name === '_id' && !onlyId) ||
      column.name.startsWith('$') ||
      column.name.includes('.')
    )
      throw new TailraceError(
        'SINK_SCHEMA_CONFLICT',
        `Column ${column.name} of target ${name} can't be a field in MongoDB: _id, __pos and _bsontype are taken, $ and . mean something else there.`,
        'Rename the column for this sink with the transform renameColumns.',
      );
}

function assertDates({ table }: Target, { dates }: MongodbTableOptions): void {
  for (const name of dates) {
    const column = table.columns.find((each) => each.name === name);
    if (column === undefined) throw unknownColumn(table, 'dates', name);
    if (column.kind !== 'timestamp' && column.kind !== 'timestamptz')
      throw invalidOption(table, 'dates', `column ${name} is of type ${column.type}, not a timestamp`);
    if (table.key.includes(name))
      throw invalidOption(
        table,
        'dates',
        `column ${name} belongs to the key, and two keys may differ only below a millisecond`,
      );
  }
}

function assertNest({ table }: Target, { nest }: MongodbTableOptions): void {
  const groupOf = new Map<string, string>();
  for (const [group, columns] of Object.entries(nest))
    for (const name of columns) {
      if (name === '_id' || !table.columns.some((column) => column.name === name))
        throw unknownColumn(table, `nest.${group}`, name);
      const other = groupOf.get(name);
      if (other !== undefined)
        throw invalidOption(table, `nest.${group}`, `column ${name} lies in ${other} already`);
      groupOf.set(name, group);
    }
  for (const group of Object.keys(nest))
    if (table.columns.some(({ name }) => name === group && !groupOf.has(name)))
      throw invalidOption(table, `nest.${group}`, `the table has a column of that name`);
}

function assertArrays({ table }: Target, { nest, embed }: MongodbTableOptions): void {
  for (const field of Object.keys(embed))
    if (Object.hasOwn(nest, field) || table.columns.some(({ name }) => name === field))
      throw invalidOption(table, `embed.${field}`, 'the document has another field of that name');
}

/** An option names a column that the table lacks. */
export function unknownColumn(table: Target['table'], option: string, name: string): TailraceError {
  const known = table.columns.map((column) => column.name);
  return invalidOption(table, option, `there is no column ${name}${suggest(name, known)}`);
}

/** An option of a table that can't be followed; `option` is its place below the table's mapping. */
export function invalidOption(table: Target['table'], option: string, why: string): TailraceError {
  return new TailraceError(
    'CONFIG_INVALID',
    `mapping.${qualifiedName(table)}.${option}: ${why}`,
    "mend the sink's mapping in the config; columns have the names that they have after the transforms",
  );
}
