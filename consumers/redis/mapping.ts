import { TailraceError } from '../../core/errors.ts';
import { keyText, valueText } from '../../schemas/key-text.ts';
import type { Row } from '../../schemas/value.ts';
import type { Target } from '../sink.ts';

/** The field of every row that holds its position. */
export const POSITION_FIELD = '__pos';

/** The field that names the sets and sorted sets that have the row's key. */
export const MEMBERSHIPS_FIELD = '__in';

/** The names of a target's keys. With hash tags all of them lie in one slot of a cluster. */
export interface KeyNames {
  /** Before the text of a row's key: `contacts:`, or `{contacts}:` with hash tags. Also before the names of its sets. */
  readonly row: string;
  /** Before a row's whole key: outside of `<name>:*`, so that readers count live rows only. */
  readonly tombstone: string;
  /** Holds the position of the table's last truncate. */
  readonly truncated: string;
  /** Holds the options that the rows were written with. */
  readonly layout: string;
}

/** Throws TailraceError SINK_SCHEMA_CONFLICT for names that this sink needs for itself. */
export function keyNames(target: Target, hashTags: boolean): KeyNames {
  assertStorable(target, hashTags);
  // A `:` in a table's own name is escaped, else table `a` with key `b:c` would meet table `a:b` with key `c`.
  const escaped = target.name.replace(/[\\:]/g, '\\$&');
  const name = hashTags ? `{${escaped}}` : escaped;
  return {
    row: `${name}:`,
    tombstone: '__tombstone:',
    truncated: `__truncated:${name}`,
    layout: `__layout:${name}`,
  };
}

/** The text of a row's key: what follows the name in its Redis key, and the member in sets. */
export function memberOf(target: Target, key: Row): string {
  return keyText(target.table.key, key);
}

/** The pattern, as SCAN takes it, that the keys of a table's rows match and those of no other table. */
export function rowPattern({ row }: KeyNames): string {
  return `${row.replace(/[*?[\]\\^]/g, '\\$&')}*`;
}

/** The values of a row in the order of the columns, and a 1 for each null (empty where there is none). */
export function rowValues(columns: readonly string[], row: Row): { values: string[]; nulls: string } {
  let hasNull = false;
  const values = columns.map((name) => {
    const value = row[name] ?? null;
    hasNull ||= value === null;
    if (value === null) return '';
    // String(-0) is 0, which is another double.
    return Object.is(value, -0) ? '-0' : valueText(value);
  });
  const nulls = hasNull ? columns.map((name) => ((row[name] ?? null) === null ? '1' : '0')).join('') : '';
  return { values, nulls };
}

function assertStorable(target: Target, hashTags: boolean): void {
  if (target.name.startsWith('__'))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `The name of target ${target.name} begins with two underscores, which Redis keys of Tailrace itself do.`,
      'Give the target another name (mapping), or leave the table out of this sink (tables).',
    );
  if (hashTags && /[{}]/.test(target.name))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `The name of target ${target.name} has a brace, which would end its hash tag.`,
      'Give the target another name (mapping), or set hashTags to false.',
    );
  const internal = target.table.columns.find(({ name }) =>
    [POSITION_FIELD, MEMBERSHIPS_FIELD].includes(name),
  );
  if (internal !== undefined)
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `Column ${internal.name} of target ${target.name} has the name of a field that Tailrace keeps for itself.`,
      'Rename the column for this sink with the transform renameColumns.',
    );
}
