import { Decimal128, Double, Int32, Long } from 'mongodb';

/** What a Decimal128 holds: 34 digits and exponents from here up; Postgres' numeric goes further both ways. */
const MAX_DIGITS = 34;
const MIN_EXPONENT = -6176;

/** So many digits are exact in a number of JavaScript. */
const SAFE_DIGITS = 15;

const INT32 = 2n ** 31n;
const INT64 = 2n ** 63n;

/** The Decimal128 with exactly these digits, trailing zeros included; null when there is none. */
export function exactDecimal128(text: string): Decimal128 | null {
  if (/^(NaN|-?Infinity)$/.test(text)) return Decimal128.fromString(text);
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const allDigits = whole + fraction;
  if (whole !== '' && allDigits.length <= SAFE_DIGITS)
    return shortDecimal(sign === '-', Number(allDigits), fraction.length);
  const digits = allDigits.replace(/^0+/, '');
  if (whole === '' || digits.length > MAX_DIGITS || -fraction.length < MIN_EXPONENT) return null;
  return Decimal128.fromString(text);
}

/**
 * `coefficient` with so many decimals, as the specification of BSON has it: sign, 14 bits of exponent, 113 of coefficient.
 * The driver's own way from digits takes ten times as long, which is most of what a row with a numeric costs.
 */
function shortDecimal(isNegative: boolean, coefficient: number, decimals: number): Decimal128 {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(coefficient % 2 ** 32, 0);
  bytes.writeUInt32LE(Math.floor(coefficient / 2 ** 32), 4);
  bytes.writeUInt32LE((isNegative ? 2 ** 31 : 0) + (-MIN_EXPONENT - decimals) * 2 ** 17, 12);
  return new Decimal128(bytes);
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

/** The digits without zeros at either end, and the exponent: equal for two texts of the same number. NaN and the infinities stay. */
export function numberText(text: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const digits = whole + fraction;
  const significant = digits.replace(/0+$/, '');
  const leading = significant.replace(/^0+/, '');
  if (leading === '') return '0';
  return `${sign}${leading}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
