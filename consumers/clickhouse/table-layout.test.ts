import { expect, test } from 'vitest';
import type { Target } from '../sink.ts';
import { aggregatesOf } from './aggregate.ts';
import { tableOptionsSchema } from './config.ts';
import { assertColumns, layoutsOf } from './table-layout.ts';

const target: Target = {
  name: 'orders',
  table: {
    schema: 'public',
    name: 'orders',
    key: ['id', 'at'],
    columns: [
      { name: 'id', type: 'bigint', kind: 'int8', nullable: false },
      { name: 'at', type: 'timestamp', kind: 'timestamp', nullable: false },
      { name: 'status', type: 'text', kind: 'text', nullable: true },
      { name: 'seen', type: 'timestamptz', kind: 'timestamptz', nullable: true },
      { name: 'total', type: 'numeric', kind: 'numeric', nullable: true },
    ],
    foreignKeys: [],
  },
};

function checked(options: object): void {
  const parsed = tableOptionsSchema.parse(options);
  assertColumns(target, parsed);
  layoutsOf(target, parsed);
  aggregatesOf(target, parsed);
}

const perDay = (view: object) => ({
  materializedViews: { per_day: { every: 'day', time: 'seen', values: { n: 'count()' }, ...view } },
});

test.each<[string, object]>([
  ['a partition by the month of a key column', { partitionBy: 'toYYYYMM(at)' }],
  ['an order that begins with a function of the key', { orderBy: ['toDate(at)', 'id', 'at'] }],
  ['a TTL on a key column', { ttl: 'at + INTERVAL 90 DAY' }],
  ['a history that goes after a year', { history: { ttl: '__committed_at + INTERVAL 1 YEAR' } }],
  [
    'a sum of a numeric that has digits',
    { ...perDay({ values: { t: 'sum(total)' } }), columnTypes: { total: 'Decimal(38,10)' } },
  ],
  ['a maximum of texts', perDay({ values: { t: 'max(status)' } })],
  ['a view of the changes', { history: true, ...perDay({ from: 'history', by: ['__op'] }) }],
])('%s is taken', (_, options) => {
  expect(() => checked(options)).not.toThrow();
});

test.each<[string, object, string]>([
  ['a partition by a column that updates change', { partitionBy: 'toYYYYMM(seen)' }, 'seen'],
  ['an order that updates change', { orderBy: ['status', 'id', 'at'] }, 'status'],
  ['an order without one of the key columns', { orderBy: ['id'] }, 'at is missing'],
  [
    'an order with a key column inside of a function alone',
    { orderBy: ['id', 'toDate(at)'] },
    'at is missing',
  ],
  ['a TTL that updates change', { ttl: 'seen + INTERVAL 1 DAY' }, 'seen'],
  ['a TTL that moves', { ttl: "at + INTERVAL 1 DAY TO DISK 'cold'" }, 'TO'],
  ['a history partitioned by a column that is no key', { history: { partitionBy: 'status' } }, 'status'],
  ['a low cardinality of a column that is not there', { lowCardinality: ['nope'] }, 'nope'],
  ['a low cardinality of a time', { lowCardinality: ['seen'] }, 'seen'],
  ['a type of a column that is not there', { columnTypes: { nope: 'String' } }, 'nope'],
  ['a view by a column that is not there', perDay({ by: ['nope'] }), 'nope'],
  ['a view by a time that is none', perDay({ time: 'status' }), 'status'],
  ['a view without a time', perDay({ time: undefined }), 'time'],
  ['a view of a history that is not kept', perDay({ from: 'history' }), 'history: true'],
  ['a sum of texts', perDay({ values: { t: 'sum(status)' } }), 'numbers'],
  ['a sum of a numeric without digits', perDay({ values: { t: 'sum(total)' } }), 'Decimal(38, 10)'],
  ['a maximum of a numeric without digits', perDay({ values: { t: 'max(total)' } }), 'Decimal(38, 10)'],
  [
    'a minimum of a time that is kept as text',
    { ...perDay({ time: 'at', values: { t: 'min(seen)' } }), columnTypes: { seen: 'String' } },
    'seen is a String',
  ],
  ['two columns of one name', perDay({ values: { day: 'count()' } }), 'day'],
])('%s is refused', (_, options, words) => {
  let thrown: unknown;
  try {
    checked(options);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'CONFIG_INVALID' });
  const { message, fix } = thrown as { message: string; fix: string };
  expect(`${message} ${fix}`).toContain(words);
});

test.each([
  { settings: { allow_experimental_replacing_merge_with_cleanup: 1 } },
  { columnTypes: { id: 'Int128' } },
  { materializedViews: { x: { every: 'day', time: 'at', values: { n: 'sum(a) FROM b' } } } },
  { materializedViews: { x: { every: 'week', time: 'at', values: { n: 'count()' } } } },
])('%j is no option', (options) => {
  expect(tableOptionsSchema.safeParse(options).success).toBe(false);
});
