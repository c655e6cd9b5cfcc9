import { expect, test } from 'vitest';
import { formatNumber, renderTable } from './table.ts';

test('text stands at the left and numbers at the right, under their headings', () => {
  const columns = [{ heading: 'scenario', isText: true }, { heading: 'events/s' }];
  expect(
    renderTable(columns, [
      ['a', '70,000'],
      ['a long name', '5'],
    ]),
  ).toBe(
    [
      'scenario     events/s',
      '-----------  --------',
      'a              70,000',
      'a long name         5',
      '',
    ].join('\n'),
  );
});

test('a missing cell is empty', () => {
  expect(renderTable([{ heading: 'a' }, { heading: 'b' }], [['1']])).toBe('a  b\n-  -\n1\n');
});

test('numbers are rounded to their places', () => {
  expect([formatNumber(69_999.6), formatNumber(14.96, 1), formatNumber(3, 2)]).toEqual([
    '70,000',
    '15.0',
    '3.00',
  ]);
});
