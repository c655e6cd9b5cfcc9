import { expect, test } from 'vitest';
import { progressBar } from './snapshot-follow.ts';

const table = {
  table: 'public.t',
  state: 'reading',
  rows: 500,
  estimate: 2_000,
  rowsPerSecond: 250,
  secondsLeft: 6,
  failure: null,
} as const;

test('a bar shows rows, rate and time left', () => {
  expect(progressBar(table)).toBe(
    'public.t [######------------------] 500 of about 2,000 rows, 250/s, 6.0 s left',
  );
});

test('what is not known is left out, and more rows than estimated are no more than all', () => {
  const unknown = { ...table, estimate: null, rowsPerSecond: null, secondsLeft: null };
  expect(progressBar(unknown)).toBe('public.t 500 rows');
  expect(progressBar({ ...table, rows: 3_000, secondsLeft: 0 })).toBe(
    'public.t [########################] 3,000 of about 3,000 rows, 250/s, 0 s left',
  );
});
