import { z } from 'zod';
import { epochMicros } from '../schemas/temporal.ts';
import { parseDecimal, type Decimal } from './decimal.ts';

/** What a condition compares a column with, as YAML or TypeScript gives it. */
export const operandSchema = z.union([z.string(), z.number(), z.bigint(), z.boolean()], {
  error: 'expected a text, a number, true or false (for null use isNull)',
});

export type Operand = z.output<typeof operandSchema>;

// Each reader throws RangeError with the rest of a sentence that begins with the column.

export function numberOperand(value: Operand): Decimal {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new RangeError('is compared with a number too large to be exact: put it in quotes');
  try {
    return parseDecimal(typeof value === 'boolean' ? '' : String(value));
  } catch (cause) {
    throw new RangeError('can only be compared with numbers', { cause });
  }
}

export function timeOperand(value: Operand): Decimal {
  try {
    const time = timeOf(typeof value === 'string' ? value : '');
    // Arithmetic alone would take the 40th of May for a day in June.
    if (/^\d{4}-/.test(String(value)) && Number.isNaN(Date.parse(String(value).replace(/ BC$/, ''))))
      throw new RangeError('no such day');
    return time;
  } catch (cause) {
    throw new RangeError(
      'can only be compared with a date or time such as 2024-02-29, 2024-02-29T12:00:00Z or infinity',
      { cause },
    );
  }
}

/** A date or timestamp (value.ts) as microseconds since 1970, the infinities as such. */
export function timeOf(text: string): Decimal {
  const micros = epochMicros(text);
  if (micros !== null) return parseDecimal(String(micros));
  return parseDecimal(text.startsWith('-') ? '-Infinity' : 'Infinity');
}

export function booleanOperand(value: Operand): string {
  if (typeof value !== 'boolean') throw new RangeError('can only be compared with true or false');
  return String(value);
}

export function textOperand(value: Operand): string {
  // YAML reads 00501 as a number and loses its zeros; a text is only ever compared with a text.
  if (typeof value !== 'string')
    throw new RangeError('can only be compared with a text: put the value in quotes');
  return value;
}
