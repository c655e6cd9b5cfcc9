import { Decimal128, Double, Int32, Long } from 'mongodb';

/** What a Decimal128 holds: 34 digits and exponents from here up; Postgres' numeric goes further both ways. */
const MAX_DIGITS = 34;
const MIN_EXPONENT = -6176;

const INT32 = 2n ** 31n;
const INT64 = 2n ** 63n;

/** The Decimal128 with exactly these digits, trailing zeros included; null when there is none. */
export function exactDecimal128(text: string): Decimal128 | null {
  if (/^(NaN|-?Infinity)$/.test(text)) return Decimal128.fromString(text);
  const [, whole = '', fraction = ''] = /^-?(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  if (whole === '' || digits.length > MAX_DIGITS || -fraction.length < MIN_EXPONENT) return null;
  return Decimal128.fromString(text);
}

/** A JSON number as the plainest BSON number that means the same: Int32, Long, Double, Decimal128; null when there is none. */
export function exactNumber(source: string): Int32 | Long | Double | Decimal128 | null {
  if (/^-?\d+$/.test(source)) {
    const integer = BigInt(source);
    if (integer >= -INT32 && integer < INT32) return new Int32(Number(integer));
    if (integer >= -INT64 && integer < INT64) return Long.fromBigInt(integer);
    return exactDecimal128(source);
  }
  const number = Number(source);
  return numberText(String(number)) === numberText(source) ? new Double(number) : exactDecimal128(source);
}

/** The digits without zeros at either end, and the exponent: equal for two texts of the same number. */
export function numberText(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  const significant = digits.replace(/0+$/, '');
  const leading = significant.replace(/^0+/, '');
  if (leading === '') return '0';
  return `${sign}${leading}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
