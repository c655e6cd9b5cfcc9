import type { Row, Value } from './value.ts';

/**
 * A key as one text, for stores that address rows by a string: the values in key order joined by `:`. In a composite key
 * a `:` or `\` inside a value is written `\:` or `\\`, so that no two keys share a text.
 */
export function keyText(keyColumns: readonly string[], key: Row): string {
  const [first, ...rest] = keyColumns;
  if (first === undefined) throw new RangeError('a key has at least one column');
  if (rest.length === 0) return valueText(key[first] ?? null);
  return keyColumns.map((column) => valueText(key[column] ?? null).replace(/[\\:]/g, '\\$&')).join(':');
}

/** A value as text: numbers in decimal digits (both zeros are 0, being one key), bytes in base64. Null has no text and is refused. */
export function valueText(value: Value): string {
  if (value === null) throw new RangeError('null has no text form');
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return String(value);
}
