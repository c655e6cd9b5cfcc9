import { expect, test } from 'vitest';
import { baseOf, holds, isNullable, widestOf } from './column-type.ts';

test.each([
  ['Int64', 'Int32', 'Int64'],
  ['Int16', 'Int64', 'Int64'],
  ['Decimal(10, 2)', 'Decimal(12, 4)', 'Decimal(12, 4)'],
  ['Decimal(10, 2)', 'Decimal(11, 4)', 'String'],
  ['Decimal(20, 2)', 'Int32', 'Decimal(20, 2)'],
  ['Decimal(10, 2)', 'Int32', 'String'],
  ['Float32', 'Float64', 'Float64'],
  ['Float64', 'Int32', 'Float64'],
  ['Float64', 'Int64', 'String'],
  ['Float32', 'Int32', 'String'],
  ['Date32', "DateTime64(6, 'UTC')", "DateTime64(6, 'UTC')"],
  ['UUID', 'Int32', 'String'],
  ['Bool', 'Int16', 'String'],
  ['String', 'UUID', 'String'],
])('%s and %s are both held by %s', (left, right, widest) => {
  expect([widestOf(left, right), widestOf(right, left)]).toEqual([widest, widest]);
  expect([holds(widest, left), holds(widest, right)]).toEqual([true, true]);
});

test.each([
  ['LowCardinality(Nullable(String))', 'String', true],
  ['LowCardinality(String)', 'String', false],
  ["Nullable(DateTime64(6, 'UTC'))", "DateTime64(6, 'UTC')", true],
  ['Decimal(10, 2)', 'Decimal(10, 2)', false],
])('%s is a %s, Nullable: %s', (type, base, nulls) => {
  expect([baseOf(type), isNullable(type)]).toEqual([base, nulls]);
});
