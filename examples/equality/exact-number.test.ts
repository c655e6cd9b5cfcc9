import { expect, test } from 'vitest';
import { canonicalNumber } from './exact-number.ts';

test.each([
  ['1.50', '1.5'],
  ['15e-1', '1.5'],
  ['+0001.5', '1.5'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['-0.00', '0'],
  ['100', '100'],
  ['1E+2', '100'],
  ['-0.000000000000000001', '-0.000000000000000001'],
  ['12345678901234567890.0123456789', '12345678901234567890.0123456789'],
  ['1e999999999', '1e999999999'],
  ['10e999999998', '1e999999999'],
  ['nan', 'NaN'],
  ['-inf', '-Infinity'],
  ['Infinity', 'Infinity'],
])('the number %s is written %s', (text, canonical) => {
  expect(canonicalNumber(text)).toBe(canonical);
});

test.each(['', '.', '-', 'e5', '1 ', '0x10', '1,5', 'true'])('%j is no number', (text) => {
  expect(canonicalNumber(text)).toBeNull();
});
