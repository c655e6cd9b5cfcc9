import { isLoneTombstone, keyOf, type ChangeEvent } from '../schemas/change-event.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { TransformError } from '../transforms/transform-error.ts';
import { requireColumn } from '../transforms/table-columns.ts';

/** A table whose rows the store keeps under other columns than the primary key. */
export interface RekeyedTable {
  readonly table: TableSchema;
  /** `original` is the event before the transforms, whose old row they may have hidden. */
  readonly apply: (event: ChangeEvent, original: ChangeEvent) => readonly ChangeEvent[];
}

/**
 * Makes these columns the key. They must be unique, by a constraint that is not deferrable, and NOT NULL; Postgres tells their old values only of a table with
 * REPLICA IDENTITY FULL. An update that changes them becomes a delete of the old key and an upsert of
 * the new one at the same position, so in whatever order partitions come, the newest write of each key stands in the end.
 * Throws TransformError where a column is missing, or in the present table may be null; of an older one each row is looked at.
 */
export function changeKey(columns: readonly string[], source: TableSchema, isPresent: boolean): RekeyedTable {
  for (const name of columns)
    if (requireColumn('key', source, name).nullable && isPresent)
      throw new TransformError(
        'key',
        source,
        `column "${name}" may be null, and a key may not`,
        `ALTER TABLE ${qualifiedName(source)} ALTER ${name} SET NOT NULL, or choose other columns`,
      );
  const table: TableSchema = { ...source, key: [...columns] };
  /** Null for an old row that a filter did not let through: the store has none. */
  const formerKey = (event: ChangeEvent, original: ChangeEvent): Row | null => {
    const known: Row = { ...event.key, ...event.before };
    if (columns.every((name) => known[name] != null)) return keyOf(table, known);
    if (tellsWholeOldRow(original)) return null;
    throw withoutOldValues(source, columns);
  };
  return {
    table,
    apply: (event, original) => {
      const { after, op } = event;
      if (op === 't') return [{ ...event, table }];
      if (after === null) {
        // Compaction took the delete, and with it the old values; the rows before it are gone from the topic too.
        if (isLoneTombstone(event)) return [];
        const key = formerKey(event, original);
        return key === null ? [] : [{ ...event, table, key, before: key }];
      }
      const absent = columns.find((name) => after[name] == null);
      if (absent !== undefined) throw withoutValue(source, absent);
      const upsert: ChangeEvent = { ...event, table, key: keyOf(table, after) };
      if (op !== 'u') return [upsert];
      const key = formerKey(event, original);
      const isMoved = key !== null && columns.some((name) => !isSame(key[name], after[name]));
      return isMoved ? [{ ...event, table, op: 'd', key, before: key, after: null }, upsert] : [upsert];
    },
  };
}

/** As REPLICA IDENTITY FULL does. */
function tellsWholeOldRow({ before, table }: ChangeEvent): boolean {
  return before !== null && table.columns.every(({ name }) => before[name] !== undefined);
}

function isSame(left: Row[string] | undefined, right: Row[string] | undefined): boolean {
  return left instanceof Uint8Array && right instanceof Uint8Array
    ? Buffer.compare(left, right) === 0
    : left === right;
}

function withoutValue(table: TableSchema, column: string): TransformError {
  return new TransformError(
    'key',
    table,
    `a row has no value in column "${column}", as rows could before the column became NOT NULL`,
    'leave such rows out with filterRows (isNull: false), or make the topic anew',
  );
}

function withoutOldValues(table: TableSchema, columns: readonly string[]): TransformError {
  return new TransformError(
    'key',
    table,
    `a change does not tell the old values of ${columns.join(', ')}, so the row under its old key could not be found`,
    `ALTER TABLE ${qualifiedName(table)} REPLICA IDENTITY FULL, and for the changes from before then make the topic anew; or leave \`key\` as it is`,
  );
}
