import { expect, test } from 'vitest';
import { lossesOf } from './partition-watch.ts';

const leaves = (files: Readonly<Record<number, number>>) =>
  new Map(Object.entries(files).map(([oid, file]) => [Number(oid), { name: `public.p${oid}`, file }]));

const before = leaves({ 1: 11, 2: 12, 3: 13 });

test.each([
  ['nothing', { 1: 11, 2: 12, 3: 13 }, []],
  ['a new partition', { 1: 11, 2: 12, 3: 13, 4: 14 }, []],
  ['a detached one', { 1: 11, 3: 13 }, ['public.p2 was detached or dropped']],
  ['a truncated one', { 1: 11, 2: 22, 3: 13 }, ['public.p2 was truncated or written anew']],
  ['the whole table truncated, which the stream tells', { 1: 21, 2: 22, 3: 23 }, []],
])('%s', (_, after, losses) => {
  expect(lossesOf(before, leaves(after)).map(({ partition, what }) => `${partition} ${what}`)).toEqual(
    losses,
  );
});

test('of a single partition it cannot be told who truncated it', () => {
  expect(lossesOf(leaves({ 1: 11 }), leaves({ 1: 21 }))).toHaveLength(1);
});
