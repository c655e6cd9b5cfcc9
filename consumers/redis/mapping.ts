import { TailraceError } from '../../core/errors.ts';
import { keyText, valueText } from '../../schemas/key-text.ts';
import type { Target, Write } from '../sink.ts';

/** The field of every hash that holds the row's position. */
export const POSITION_FIELD = '__pos';

const TOMBSTONE_PREFIX = '__tombstone';
const TRUNCATED_PREFIX = '__truncated';

/** The hash of a row: `<name>:<key>`. */
export function rowKey(target: Target, write: Pick<Write, 'key'>): string {
  return `${nameText(target)}:${keyText(target.table.key, write.key)}`;
}

/** The string that keeps the position of a deleted row, outside of `<name>:*`, so that readers count live rows only. */
export function tombstoneKey(target: Target, write: Pick<Write, 'key'>): string {
  return `${TOMBSTONE_PREFIX}:${rowKey(target, write)}`;
}

/** The hash that keeps the position of a table's last truncate. */
export function truncatedKey(target: Target): string {
  return `${TRUNCATED_PREFIX}:${nameText(target)}`;
}

/** The pattern, as SCAN takes it, that the keys of a table's rows match and those of no other table. */
export function rowPattern(target: Target): string {
  return `${nameText(target).replace(/[*?[\]\\^]/g, '\\$&')}:*`;
}

/** A `:` in a table's own name is escaped, else table `a` with key `b:c` would meet table `a:b` with key `c`. */
function nameText(target: Target): string {
  return target.name.replace(/[\\:]/g, '\\$&');
}

/** A row as field, value, field, value. A null has no field: absent is null, and the empty string is a field. */
export function rowFields(write: Write & { op: 'upsert' }): string[] {
  const fields: string[] = [];
  for (const { name } of write.target.table.columns) {
    const value = write.row[name] ?? null;
    if (value !== null) fields.push(name, valueText(value));
  }
  return fields;
}

/** Refuses names that this sink needs for itself. Throws TailraceError SINK_SCHEMA_CONFLICT. */
export function assertStorable(target: Target): void {
  if (target.name.startsWith('__'))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `The name of target ${target.name} begins with two underscores, which Redis keys of Tailrace itself do.`,
      'Leave the table out of this sink (tables:).',
    );
  if (target.table.columns.some(({ name }) => name === POSITION_FIELD))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `Column ${POSITION_FIELD} of target ${target.name} has the name of the field that holds the version.`,
      'Rename the column for this sink with the transform renameColumns.',
    );
}
