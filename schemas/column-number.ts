import type { ColumnForm } from './column-form.ts';
import { decimalText, unscaledOf } from './decimal-number.ts';
import {
  dateOfDay,
  dayOfDate,
  microsOfTime,
  microsOfTimestamp,
  timeOfMicros,
  timestampOfMicros,
} from './temporal-number.ts';

/**
 * The two ways between a value's text and its number on the wire, of columns that have a number for their text. `numberOf`
 * gives NaN for what the number cannot hold; every number that it gives leads back to the same text.
 */
export interface ColumnNumber {
  readonly numberOf: (text: string) => number | bigint;
  readonly textOf: (number: number | bigint) => string;
}

/** Null for columns whose value is on the wire as it is. */
export function columnNumber({ conversion, decimal }: ColumnForm): ColumnNumber | null {
  if (conversion === undefined) return null;
  switch (conversion) {
    case 'date':
      return { numberOf: dayOfDate, textOf: (day) => dateOfDay(Number(day)) };
    case 'time':
      return { numberOf: microsOfTime, textOf: (micros) => timeOfMicros(Number(micros)) };
    case 'timestamp':
      return { numberOf: microsOfTimestamp, textOf: timestampOfMicros };
    case 'decimal': {
      const { precision, scale } = decimal ?? { precision: 0, scale: 0 };
      return {
        numberOf: (text) => unscaledOf(text, precision, scale),
        textOf: (unscaled) => decimalText(unscaled, scale),
      };
    }
  }
}
