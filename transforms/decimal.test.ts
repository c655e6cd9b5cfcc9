import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareDecimals, parseDecimal } from './decimal.ts';

const order = (left: string, right: string) =>
  Math.sign(compareDecimals(parseDecimal(left), parseDecimal(right)));

test.each([
  ['1.50', '1.5', 0],
  ['-0', '0.000', 0],
  ['1e3', '1000', 0],
  ['0.1', '.10', 0],
  ['12', '2', 1],
  ['-12', '-2', -1],
  ['0.09', '0.1', -1],
  ['-0.09', '-0.1', 1],
  ['9007199254740993', '9007199254740992', 1],
  ['123456789012345678901234567890.000000000000000000001', '123456789012345678901234567890', 1],
  ['1e308', '1e-308', 1],
  ['Infinity', '1e999999', 1],
  ['-Infinity', '-1e999999', -1],
  ['NaN', 'Infinity', 1],
  ['NaN', 'NaN', 0],
])('%s compared with %s gives %i', (left, right, expected) => {
  expect(order(left, right)).toBe(expected);
  expect(order(right, left)).toBe(0 - expected);
});

test('doubles and large integers are ordered as JavaScript orders them', () => {
  const compared = <T>(left: T, right: T) => (left < right ? -1 : left > right ? 1 : 0);
  const double = fc.double({ noNaN: true });
  fc.assert(fc.property(double, double, (a, b) => order(String(a), String(b)) === compared(a, b)));
  const integer = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
  fc.assert(fc.property(integer, integer, (a, b) => order(String(a), String(b)) === compared(a, b)));
});

test.each(['', '.', '-', '1,5', '0x10', '1 ', 'infinity'])('"%s" is refused', (text) => {
  expect(() => parseDecimal(text)).toThrow(RangeError);
});
