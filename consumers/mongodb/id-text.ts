import { BSON, Decimal128, Double, Int32, Long } from 'mongodb';
import { numberText } from './decimal.ts';
import type { RowId } from './values.ts';

/**
 * A text that is the same for two `_id`s that are one to MongoDB: it compares numbers by what they mean, so a key that was
 * an integer once and is a bigint now is the same key.
 */
export function idText(id: RowId): string {
  if (typeof id === 'string') return JSON.stringify(id);
  if (isNumber(id)) return numberText(id.toString());
  if (typeof id !== 'object' || '_bsontype' in id || id instanceof Date)
    return BSON.EJSON.stringify({ id }, { relaxed: false });
  const parts = Object.entries(id).map(([name, value]) => `${JSON.stringify(name)}:${idText(value)}`);
  return `{${parts.join()}}`;
}

function isNumber(id: RowId): id is Int32 | Long | Double | Decimal128 {
  return id instanceof Int32 || id instanceof Long || id instanceof Double || id instanceof Decimal128;
}
