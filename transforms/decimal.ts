/**
 * Numbers of any size and precision, ordered by value as Postgres orders them: 1.50 equals 1.5, NaN equals itself and is
 * greater than everything. `digits` has no zeros at its ends; the value is sign × 0.digits × 10^exponent.
 */
export interface Decimal {
  readonly sign: -1 | 0 | 1;
  readonly exponent: number;
  readonly digits: string;
}

const DECIMAL_PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

// Both lie beyond every exponent; as texts, N comes after I.
const INFINITY: Decimal = { sign: 1, exponent: Number.POSITIVE_INFINITY, digits: 'I' };
const NOT_A_NUMBER: Decimal = { sign: 1, exponent: Number.POSITIVE_INFINITY, digits: 'N' };

/** Reads a number as Postgres or JavaScript prints it. Throws RangeError on any other text. */
export function parseDecimal(text: string): Decimal {
  if (text === 'NaN') return NOT_A_NUMBER;
  if (text === 'Infinity') return INFINITY;
  if (text === '-Infinity') return { ...INFINITY, sign: -1 };
  const match = DECIMAL_PATTERN.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match ?? [];
  if (match === null || whole + fraction === '') throw new RangeError('not a number');
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { sign: 0, exponent: 0, digits: '' };
  const leadingZeros = whole.length + fraction.length - digits.length;
  return {
    sign: sign === '-' ? -1 : 1,
    exponent: whole.length - leadingZeros + Number(exponent),
    digits: digits.replace(/0+$/, ''),
  };
}

/** Negative, zero or positive as the left is less than, equal to or greater than the right. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.sign !== right.sign) return left.sign - right.sign;
  if (left.exponent !== right.exponent) return left.exponent < right.exponent ? -left.sign : left.sign;
  if (left.digits === right.digits) return 0;
  return left.digits < right.digits ? -left.sign : left.sign;
}
