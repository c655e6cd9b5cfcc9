import { expect, test } from 'vitest';
import type { Column } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { optionsSchema, tableOptionsSchema } from './config.ts';
import { plan } from './plan.ts';

const OPTIONS = optionsSchema.parse({ url: 'http://localhost:8123' });

function target(columns: readonly Pick<Column, 'name' | 'kind'>[], name = 'orders'): Target {
  const described = columns.map(({ name: column, kind }) => ({
    name: column,
    kind,
    type: kind,
    nullable: true,
  }));
  return { name, table: { schema: 'public', name, columns: described, key: ['id'], foreignKeys: [] } };
}

const planned = (
  before: Target | null,
  after: Target,
  others: readonly Target[] = [],
  mapping: object = {},
) =>
  plan({ before, after, allBefore: [], allAfter: [after, ...others] }, OPTIONS, () =>
    tableOptionsSchema.parse(mapping),
  );

const ID = { name: 'id', kind: 'int4' } as const;

test('columns are added, widened and hidden', () => {
  const before = target([ID, { name: 'n', kind: 'int2' }, { name: 'gone', kind: 'text' }]);
  const after = target([ID, { name: 'n', kind: 'int8' }, { name: 'at', kind: 'date' }]);
  expect(planned(before, after)).toEqual({
    effect: 'evolve',
    why: 'adds at Nullable(Date32), n becomes Nullable(Int64), the view no longer shows gone',
    fix: null,
  });
});

test('a narrower type and a wider integer in the key need nothing', () => {
  const before = target([ID, { name: 'n', kind: 'int8' }]);
  expect(
    planned(
      before,
      target([
        { ...ID, kind: 'int8' },
        { name: 'n', kind: 'int2' },
      ]),
    ).effect,
  ).toBe('nothing');
});

test('a key whose values its column cannot hold needs a new table', () => {
  expect(planned(target([ID]), target([{ ...ID, kind: 'text' }]))).toMatchObject({
    effect: 'rebuild',
    fix: expect.stringContaining('RENAME TABLE `orders`') as string,
  });
});

test('a column and a table of the names that Tailrace takes are refused', () => {
  expect(() => planned(null, target([ID, { name: '__pos', kind: 'int4' }]))).toThrow('__pos');
  expect(() => planned(null, target([ID], 'orders_current'), [target([ID])])).toThrow('orders_current');
});

test('a new table is told of with all that is made beside it', () => {
  const mapping = {
    history: true,
    materializedViews: { per_day: { from: 'history', every: 'day', values: { changes: 'count()' } } },
  };
  expect(planned(null, target([ID]), [], mapping).why).toBe(
    'makes table orders and its view, its history, per_day',
  );
});

test('another key needs a new table', () => {
  const before = target([ID, { name: 'at', kind: 'date' }]);
  const after = { ...before, table: { ...before.table, key: ['id', 'at'] } };
  expect(planned(before, after)).toMatchObject({
    effect: 'rebuild',
    why: expect.stringContaining('ORDER BY is (`id`), and needs to be (`id`, `at`)') as string,
  });
});

test('a column that the config needs cannot go', () => {
  const before = target([ID, { name: 'status', kind: 'text' }]);
  expect(() => planned(before, target([ID]), [], { lowCardinality: ['status'] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});
