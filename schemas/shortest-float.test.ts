import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shortestFloat } from './shortest-float.ts';

test.each([
  [0.1, '0.1'],
  [-0, '-0'],
  [1e-45, '1e-45'],
  [3.4028235e38, '3.4028235e+38'],
  [1.17549435e-38, '1.1754944e-38'],
  // A tie between two decimals ends in the even digit.
  [-42898.5625, '-42898.562'],
  // 264703800 lies midway to the next float.
  [264703808, '264703810'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
])('%d is what Postgres prints as %s', (float, text) => {
  expect(shortestFloat(Math.fround(float))).toBe(Number(text));
});

test('the number means the same float', () => {
  fc.assert(fc.property(fc.float(), (float) => Object.is(Math.fround(shortestFloat(float)), float)));
});
