import { expect, test } from 'vitest';
import { expectExactly } from './drain.ts';

test('a count that is not exact is an error that says by how much', () => {
  expect(() => expectExactly('t', 10, 10)).not.toThrow();
  expect(() => expectExactly('t', 11, 10)).toThrow('t has 11 records where 10 are right: 1 too many');
  expect(() => expectExactly('t', 8, 10)).toThrow('2 are missing');
});
