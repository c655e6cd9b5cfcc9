import { expect, test } from 'vitest';
import { formatSeconds, formatTable } from './table.ts';

test('words stand left, numbers right', () => {
  expect(
    formatTable(
      ['name', 'rows'],
      [
        ['a', '1,000'],
        ['long', '5'],
      ],
    ),
  ).toBe('name   rows\na     1,000\nlong      5\n');
});

test.each([
  [null, '-'],
  [0, '0 s'],
  [0.04, '0.0 s'],
  [59.6, '60 s'],
  [600, '10 min'],
  [9000, '2.5 h'],
])('%s seconds show as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
