import type { Binary, Decimal128, Document, Double, Int32, Long } from 'mongodb';
import { exactNumber } from './decimal.ts';

/** What a field holds; `Document` stands for nested documents and arrays. */
export type StoredValue =
  null | boolean | string | Date | Int32 | Long | Double | Decimal128 | Binary | Document;

/** A JSON text that BSON can't hold as such is kept as `{__json: text}`: that is no other value's form. */
export const JSON_TEXT_FIELD = '__json';

/** MongoDB stores at most 100 levels; the document around the value takes some. */
const MAX_DEPTH = 80;

/**
 * A jsonb value as BSON: documents, arrays, strings, booleans and exact numbers. As `{__json: text}`: the JSON null (a null
 * field is SQL's null), a number that no BSON number equals, a key that MongoDB refuses or can't address, deep nesting.
 */
export function jsonDocument(text: string): NonNullable<StoredValue> {
  let exact = true;
  // Node hands the digits of a number as the third argument; the declared type of JSON.parse does not know it yet.
  const nested: StoredValue = JSON.parse(
    text,
    (_key: string, value: unknown, context?: { source?: string }) => {
      if (typeof value === 'number') {
        const number = exactNumber(context?.source ?? String(value));
        exact &&= number !== null;
        return number;
      }
      if (isObject(value)) exact &&= !Object.keys(value).some(isRefusedKey);
      return value;
    },
  );
  return exact && nested !== null && depthOf(nested) <= MAX_DEPTH ? nested : { [JSON_TEXT_FIELD]: text };
}

/** `_bsontype` is how the driver tells its own classes from documents. */
function isRefusedKey(key: string): boolean {
  return (
    key === '' || key.startsWith('$') || key.includes('.') || key === JSON_TEXT_FIELD || key === '_bsontype'
  );
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || '_bsontype' in value) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
