import { expect, test } from 'vitest';
import { commitLsnOf, makePosition, ordinalOf } from './position.ts';

test.each([1, 9, 10, 15, 16, 4_096, 65_535, 2 ** 31, 2 ** 53 - 1])('an ordinal %d comes back', (ordinal) => {
  const position = makePosition(2n ** 63n, ordinal);
  expect(ordinalOf(position)).toBe(ordinal);
  expect(commitLsnOf(position)).toBe(2n ** 63n);
});
