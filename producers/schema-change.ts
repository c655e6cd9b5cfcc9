import { TailraceError } from '../core/errors.ts';
import {
  columnOf,
  keyColumns,
  qualifiedName,
  type Column,
  type TableSchema,
} from '../schemas/table-schema.ts';
import type { ValueKind } from '../schemas/value.ts';

/** A table's columns as the source has them: their numbers stay when they are renamed, and are never given again. */
export type ColumnNumbers = Readonly<Record<string, number>>;

/** What is compared: a table's schema in its topic, and the columns of the source. */
export interface TableForm {
  readonly table: TableSchema;
  readonly columns: ColumnNumbers;
}

/**
 * Why rows that were written before a table's change are no longer right in topics and stores, so that the table must be
 * read again; null when they are. A DDL statement writes no rows into the WAL: what it does to them is only seen in the
 * table itself. Only an added column without values changes nothing; one that was dropped must go from the stores too.
 *
 * `filled` are the columns that old rows can have a value in without an update: those with a default, or not null.
 */
export function reasonToReadAgain(
  before: TableForm,
  after: TableForm,
  filled: ReadonlySet<string>,
): string | null {
  const oldNames = new Map(Object.entries(before.columns).map(([name, number]) => [number, name]));
  const newNumbers = new Set(Object.values(after.columns));
  const reasons = [
    ...Object.entries(after.columns).flatMap(([name, number]) => {
      const oldName = oldNames.get(number);
      if (oldName === undefined) return filled.has(name) ? [`${name} added with values`] : [];
      return oldName === name ? [] : [`${oldName} renamed to ${name}`];
    }),
    ...Object.entries(before.columns).flatMap(([name, number]) =>
      newNumbers.has(number) ? [] : [`${name} dropped`],
    ),
    ...after.table.columns.flatMap(({ name, type }) => {
      const old = before.table.columns.find((column) => column.name === name);
      return old === undefined || old.type === type ? [] : [`${name} changed from ${old.type} to ${type}`];
    }),
  ];
  return reasons.length === 0 ? null : reasons.join(', ');
}

/**
 * Rows in topics and stores are kept under their keys: under other key columns, or where the same key has another form, the old
 * ones would stay for ever.
 */
export function refuseOtherKey(before: TableSchema, after: TableSchema, topic: string): void {
  const changed =
    before.key.join('\0') === after.key.join('\0')
      ? keyColumns(after).find((column) => !hasSameForm(columnOf(before, column.name), column))
      : null;
  if (changed === undefined) return;
  const table = qualifiedName(after);
  const what =
    changed === null
      ? `the primary key of ${table} is (${after.key.join(', ')}) now and was (${before.key.join(', ')})`
      : `column ${changed.name} of the primary key of ${table} is ${changed.type} now and was ${columnOf(before, changed.name).type}`;
  throw new TailraceError(
    'TABLE_KEY_CHANGED',
    `${what}: its topic holds rows under the old key`,
    `stop the sinks, delete topic ${topic} and the table's target in each store, and start the producer again: it makes the topic anew and reads the table`,
  );
}

/** Whether every value of the one column is the same in the other, as value.ts writes it and as stores keep it. */
function hasSameForm(before: Column, after: Column): boolean {
  if (before.type === after.type || (isInteger(before) && isInteger(after))) return true;
  if (before.kind !== after.kind) return false;
  if (before.kind === 'text') return !isPadded(before) && !isPadded(after);
  if (before.kind === 'numeric') return before.scale === after.scale;
  return KINDS_OF_ONE_FORM.has(before.kind);
}

/** Their types have names, lengths or members that no value shows. */
const KINDS_OF_ONE_FORM = new Set<ValueKind>(['bytea', 'json', 'jsonb', 'uuid', 'enum']);

function isInteger({ kind }: Column): boolean {
  return kind === 'int2' || kind === 'int4' || kind === 'int8';
}

/** `character(n)` fills its values up with blanks. */
function isPadded({ type }: Column): boolean {
  return type.startsWith('character(') || type === 'bpchar';
}
