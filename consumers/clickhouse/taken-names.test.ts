import { expect, test } from 'vitest';
import type { Target } from '../sink.ts';
import { tableOptionsSchema } from './config.ts';
import { assertNamesDiffer } from './taken-names.ts';

const target = (name: string): Target => ({
  name,
  table: { schema: 'public', name, columns: [], key: ['id'], foreignKeys: [] },
});

const check =
  (names: readonly string[], options: object = {}) =>
  () =>
    assertNamesDiffer(names.map(target), () => tableOptionsSchema.parse(options));

test('names that Tailrace makes for one table must be no names of another', () => {
  expect(check(['orders', 'orders_history', 'orders_changes'])).not.toThrow();
  for (const [names, options] of [
    [['orders', 'orders_current'], {}],
    [['orders', 'orders_history'], { history: true }],
    [['orders', 'orders_changes'], { history: true }],
    [['a', 'b'], { materializedViews: { daily: { every: 'day', time: 'at', values: { n: 'count()' } } } }],
  ] as const)
    expect(check(names, options)).toThrow(expect.objectContaining({ code: 'TABLE_NAMES_COLLIDE' }));
});
