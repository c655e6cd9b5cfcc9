import { expect, test } from 'vitest';
import type { Column } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { optionsSchema, tableOptionsSchema } from './config.ts';
import { plan } from './plan.ts';

function target(name: string, ...columns: readonly [name: string, kind: Column['kind']][]): Target {
  const described = columns.map(([column, kind]) => ({ name: column, kind, type: kind, nullable: true }));
  return { name, table: { schema: 'public', name, columns: described, key: ['id'], foreignKeys: [] } };
}

const planned = (
  before: Target | null,
  after: Target,
  others: readonly Target[] = [],
  options: object = {},
) =>
  plan(
    { before, after, allBefore: [], allAfter: [after, ...others] },
    optionsSchema.parse({ url: 'http://127.0.0.1:1' }),
    () => tableOptionsSchema.parse(options),
  );

test('fields are added and keep their types', () => {
  const before = target('orders', ['id', 'int4'], ['n', 'int4'], ['gone', 'date']);
  const after = target('orders', ['id', 'int8'], ['n', 'text'], ['note', 'text']);
  expect(planned(before, after)).toEqual({
    effect: 'evolve',
    why: 'adds note text, n stays long: searches may miss values that do not fit it, documents lose gone, its field stays',
    fix: null,
  });
  expect(planned(before, target('orders', ['id', 'int8'], ['n', 'int2'], ['gone', 'timestamp'])).effect).toBe(
    'nothing',
  );
});

test('a column that becomes jsonb needs a new index', () => {
  const before = target('orders', ['id', 'int4'], ['n', 'text']);
  expect(planned(before, target('orders', ['id', 'int4'], ['n', 'jsonb']))).toMatchObject({
    effect: 'rebuild',
    fix: expect.stringContaining('DELETE /orders-1') as string,
  });
});

test('options of the table are looked at: a field that follows them, a column that they name and that goes', () => {
  const before = target('orders', ['id', 'int4'], ['n', 'int4']);
  const options = { fields: { n: { type: 'keyword' } } };
  expect(planned(before, target('orders', ['id', 'int4'], ['n', 'text']), [], options).effect).toBe(
    'nothing',
  );
  expect(() => planned(before, target('orders', ['id', 'int4']), [], options)).toThrow('no column "n"');
});

test('names that Elasticsearch cannot tell apart, or keeps for itself, are refused', () => {
  expect(planned(null, target('Orders', ['id', 'int4']), [target('orders', ['id', 'int4'])]).effect).toBe(
    'break',
  );
  expect(() => planned(null, target('orders', ['id', 'int4'], ['_id', 'text']))).toThrow('_id');
});
