import { expect, test } from 'vitest';
import { summary } from './query.ts';

const answer = (count: number, truncated: boolean) => ({
  columns: ['id'],
  rows: Array.from({ length: count }, (_, id) => [id]),
  truncated,
});

test('what is left away is told with the way to it', () => {
  expect(summary(answer(1, false), 0.0126, 5)).toBe('1 row in 0.013 s\n');
  expect(summary(answer(5, false), 1, 5)).toBe('5 rows in 1.000 s\n');
  expect(summary(answer(5, true), 1, 5)).toBe('5 rows in 1.000 s; there are more, --max-rows shows them\n');
});

test('a store that answers fewer rows than were asked for is not asked for more rows', () => {
  expect(summary(answer(5, true), 1, 20)).toBe(
    '5 rows in 1.000 s; there are more, the store answers no more at once: narrow the question\n',
  );
});
