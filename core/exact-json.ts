import { cellOfInteger, type Cell } from './cell.ts';

/** A number of a JSON text as it stands there. */
interface RawNumber {
  readonly rawJSON: string;
}

/** What Node 24 has beyond the declared types. */
const exact = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** `JSON.parse`, but each number stays the text that it was; `JSON.stringify` writes it back with every digit. */
export function parseExactly(text: string): unknown {
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? exact.rawJSON(context.source) : value;
  return JSON.parse(text, keep) as unknown;
}

/** A value of `parseExactly` as a cell; what is absent is null. */
export function cellOfJson(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (exact.isRawJSON(value)) return cellOfNumber(value.rawJSON);
  return { json: JSON.stringify(value) };
}

/** The digits of a number as a cell. */
export function cellOfNumber(digits: string): Cell {
  if (!/^-?\d+$/.test(digits) || digits === '-0') return { json: digits };
  return cellOfInteger(BigInt(digits));
}
