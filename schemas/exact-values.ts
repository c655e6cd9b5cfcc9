import type { DecodedEnvelope } from './envelope.ts';
import type { Column, TableSchema } from './table-schema.ts';
import { emptyRow, type Row, type Value } from './value.ts';

/**
 * Some values fit no column of the wire: `NaN` in a decimal, a timestamp after the year 294246. There the column is null, and
 * the value's text travels in the header `tailrace.values`, as JSON: `{"after":{"price":"NaN"}}`, with `before` likewise.
 */
export type ExactValues = Partial<Record<'before' | 'after', Record<string, string>>>;

/** What an encoded event carries of them. The text is ASCII, whatever the columns' names. */
export function exactValuesText(values: ExactValues): { readonly exactValues: string } {
  const ascii = JSON.stringify(values).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return { exactValues: ascii };
}

/** The envelope with the header's values in their places. Throws TypeError on a header that is none, SyntaxError on no JSON. */
export function withExactValues(
  table: TableSchema,
  envelope: DecodedEnvelope,
  header: string,
): DecodedEnvelope {
  const values: unknown = JSON.parse(header);
  if (!isObject(values)) throw new TypeError('header tailrace.values is no object');
  return {
    ...envelope,
    before: restored(table, envelope.before, values['before']),
    after: restored(table, envelope.after, values['after']),
  };
}

function restored(table: TableSchema, row: Row | null, texts: unknown): Row | null {
  if (texts === undefined || row === null) return row;
  if (!isObject(texts)) throw new TypeError('header tailrace.values has a row that is no object');
  const whole = Object.assign(emptyRow(), row);
  for (const column of table.columns) {
    const text = Object.hasOwn(texts, column.name) ? texts[column.name] : undefined;
    if (typeof text === 'string') whole[column.name] = valueOf(column, text);
  }
  return whole;
}

function valueOf({ kind }: Column, text: string): Value {
  return kind === 'float4' || kind === 'float8' ? Number(text) : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
