import { valueText } from '../../schemas/key-text.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import { MEMBERSHIPS_FIELD, POSITION_FIELD } from './mapping.ts';

/**
 * A row as one JSON object. Its first fields are the position and, where there are any, the memberships: the scripts read both
 * from the beginning of the text without parsing it. A null has no field.
 */
export function jsonRow(table: TableSchema, row: Row, position: string, memberships: string): string {
  let text = `{"${POSITION_FIELD}":"${position}"`;
  if (memberships !== '') text += `,"${MEMBERSHIPS_FIELD}":${memberships}`;
  for (const { name, kind } of table.columns) {
    const value = row[name] ?? null;
    if (value !== null) text += `,${JSON.stringify(name)}:${jsonValue(kind, value)}`;
  }
  return `${text}}`;
}

/** Integers and floats are numbers with all their digits, json and jsonb are nested as they are, all others are texts. */
function jsonValue(kind: ValueKind, value: NonNullable<Value>): string {
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return `"${value}"`;
    // JSON.stringify writes minus zero as 0, which is another double.
    return Object.is(value, -0) ? '-0' : String(value);
  }
  return (kind === 'json' || kind === 'jsonb') && typeof value === 'string'
    ? value
    : JSON.stringify(valueText(value));
}
