import { Binary, Decimal128, Double, Int32, Long } from 'mongodb';
import { valueText } from '../../schemas/key-text.ts';
import type { Column } from '../../schemas/table-schema.ts';
import { JSON_TEXT_FIELD } from './json-document.ts';

/**
 * For tests: the text (`valueText` of value.ts) that a field was made of, read without promotion. Written on its own, not as
 * the reverse of mapping.ts, so that a loss there shows.
 */
export function storedText(column: Column, value: unknown): string | null {
  if (value === null) return null;
  if (column.kind === 'jsonb') return jsonText(value);
  if (value instanceof Date) return dateText(column, value);
  if (value instanceof Binary) return valueText(value.value());
  if (value instanceof Decimal128) return plainDigits(value.toString());
  if (value instanceof Double) return String(value.value);
  if (value instanceof Int32 || value instanceof Long) return value.toString();
  if (typeof value !== 'string' && typeof value !== 'boolean')
    throw new TypeError(`column ${column.name} holds no value of this sink`);
  return String(value);
}

function dateText({ kind }: Column, value: Date): string {
  const text = value.toISOString();
  if (kind === 'date') return text.slice(0, 10);
  return kind === 'timestamp' ? text.slice(0, -1) : text;
}

function jsonText(value: unknown): string {
  if (
    value instanceof Int32 ||
    value instanceof Long ||
    value instanceof Double ||
    value instanceof Decimal128
  )
    return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonText).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (JSON_TEXT_FIELD in value) return String(value[JSON_TEXT_FIELD]);
  const fields = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${jsonText(inner)}`);
  return `{${fields.join()}}`;
}

/** Postgres never writes an exponent, Decimal128 does. */
function plainDigits(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponentText] =
    /^(-?)(\d+)(?:\.(\d+))?E([+-]\d+)$/.exec(text) ?? [];
  if (exponentText === undefined) return text;
  const exponent = Number(exponentText) - fraction.length;
  const digits = whole + fraction;
  if (exponent >= 0) return sign + digits + '0'.repeat(exponent);
  const padded = digits.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}
