import { expect, test } from 'vitest';
import { fieldDifferences } from './schema-difference.ts';

const envelope = (...fields: unknown[]) => ({
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'before', type: ['null', { type: 'record', name: 'Value', fields }], default: null },
    { name: 'after', type: ['null', 'Value'], default: null },
  ],
});
const column = (name: string, type: unknown) => ({ name, type: ['null', type], default: null });

test('a column of another type is named with both types', () => {
  expect(fieldDifferences(envelope(column('n', 'int')), envelope(column('n', 'string')))).toEqual([
    'n: string, was int',
  ]);
});

test('a wider type, a new column and one that has gone are no obstacle', () => {
  const before = envelope(column('n', 'int'), column('old', 'string'));
  expect(fieldDifferences(before, envelope(column('n', 'long'), column('new', 'string')))).toEqual([]);
});

test('a column that may be null no more, and key columns that come or go, are named', () => {
  const before = envelope({ name: 'id', type: 'int' }, column('n', 'int'));
  const after = envelope({ name: 'code', type: 'string' }, { name: 'n', type: 'int' });
  expect(fieldDifferences(before, after)).toEqual([
    'code: added without a default',
    'n: int (not null), was int (nullable)',
    'id: removed, and had no default',
  ]);
});

test('the row type that is named again is the same with its namespace', () => {
  const before = envelope(column('n', 'int'));
  const after = {
    ...before,
    fields: [before.fields[0], { name: 'after', type: ['null', 'shop.public.item.Value'], default: null }],
  };
  expect(fieldDifferences(before, after)).toEqual([]);
});

test('a logical type is told with its parameters', () => {
  const decimal = (precision: number, scale: number) => ({
    type: 'bytes',
    logicalType: 'decimal',
    precision,
    scale,
  });
  const [before, after] = [decimal(10, 2), decimal(12, 4)].map((type) => envelope(column('price', type)));
  expect(fieldDifferences(before, after)).toEqual(['price: decimal(12,4), was decimal(10,2)']);
});
