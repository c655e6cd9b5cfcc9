import { expect, test } from 'vitest';
import { percentiles } from './percentiles.ts';

test('a percentile is the smallest value that so many of the values do not exceed', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentiles(values, [0, 0.5, 0.95, 0.99, 1])).toEqual([1, 50, 95, 99, 100]);
});

test('a percentile is always one of the values', () => {
  expect(percentiles([10, 2], [0.5, 0.51])).toEqual([2, 10]);
  expect(percentiles([7], [0.5, 0.99])).toEqual([7, 7]);
});

test('numbers are ordered as numbers', () => {
  expect(percentiles([9, 10, 100], [1])).toEqual([100]);
});

test('without values there is no percentile', () => {
  expect(() => percentiles([], [0.5])).toThrow(RangeError);
});
