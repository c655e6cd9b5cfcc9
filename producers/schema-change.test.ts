import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../schemas/table-schema.ts';
import { reasonToReadAgain, refuseOtherKey, type TableForm } from './schema-change.ts';

const table = (columns: Record<string, string>, key = ['id']): TableSchema => ({
  schema: 'public',
  name: 't',
  columns: Object.entries(columns).map(([name, type]) => ({ name, type, kind: 'text', nullable: true })),
  key,
  foreignKeys: [],
});
/** Columns with their types and numbers. */
const form = (columns: Record<string, [type: string, number: number]>): TableForm => ({
  table: table(Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type]))),
  columns: Object.fromEntries(Object.entries(columns).map(([name, [, number]]) => [name, number])),
});
const before = form({ id: ['bigint', 1], a: ['text', 2] });

describe('a table is read again', () => {
  test.each([
    [
      'a new column with values',
      form({ id: ['bigint', 1], a: ['text', 2], b: ['text', 3] }),
      'b added with values',
    ],
    ['a dropped column', form({ id: ['bigint', 1] }), 'a dropped'],
    ['a renamed column', form({ id: ['bigint', 1], z: ['text', 2] }), 'a renamed to z'],
    [
      'a column whose name another one has now',
      form({ id: ['bigint', 1], z: ['text', 2], a: ['text', 3] }),
      'a renamed to z',
    ],
    ['a column that was dropped and made again', form({ id: ['bigint', 1], a: ['text', 3] }), 'a dropped'],
    ['another type', form({ id: ['bigint', 1], a: ['integer', 2] }), 'a changed from text to integer'],
  ])('for %s', (_name, after, reason) => {
    expect(reasonToReadAgain(before, after, new Set(['id', 'b']))).toBe(reason);
  });

  test.each([
    ['for a new column without values', form({ id: ['bigint', 1], a: ['text', 2], c: ['text', 3] })],
    ['when nothing has changed', before],
  ])('not %s', (_name, after) => {
    expect(reasonToReadAgain(before, after, new Set(['id', 'b']))).toBeNull();
  });
});

test('another key is refused with the topic to delete', () => {
  const other = table({ id: 'bigint', a: 'text' }, ['id', 'a']);
  expect(() => refuseOtherKey(before.table, other, 'p.public.t')).toThrow('is (id, a) now and was (id)');
  expect(() => refuseOtherKey(before.table, before.table, 'p.public.t')).not.toThrow();
});
