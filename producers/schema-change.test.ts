import { describe, expect, test } from 'vitest';
import type { Column, TableSchema } from '../schemas/table-schema.ts';
import type { ValueKind } from '../schemas/value.ts';
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

describe('a key column of another type', () => {
  const keyed = (type: string, kind: ValueKind, digits: Partial<Column> = {}): TableSchema => ({
    ...before.table,
    columns: [{ name: 'id', type, kind, nullable: false, ...digits }],
  });
  const numeric = (precision: number, scale: number) =>
    keyed(`numeric(${precision},${scale})`, 'numeric', { precision, scale });

  test.each([
    ['integer', 'bigint', keyed('integer', 'int4'), keyed('bigint', 'int8')],
    ['varchar(20)', 'text', keyed('character varying(20)', 'text'), keyed('text', 'text')],
    ['numeric(10,2)', 'numeric(12,2)', numeric(10, 2), numeric(12, 2)],
  ])('is taken from %s to %s, since every key stays the same', (_old, _new, from, to) => {
    expect(() => refuseOtherKey(from, to, 'p.public.t')).not.toThrow();
  });

  test.each([
    ['integer', 'text', keyed('integer', 'int4'), keyed('text', 'text')],
    ['integer', 'numeric', keyed('integer', 'int4'), keyed('numeric', 'numeric')],
    ['numeric(10,2)', 'numeric(10,3)', numeric(10, 2), numeric(10, 3)],
    ['date', 'timestamp', keyed('date', 'date'), keyed('timestamp without time zone', 'timestamp')],
    ['character(4)', 'text', keyed('character(4)', 'text'), keyed('text', 'text')],
  ])('is refused from %s to %s', (_old, _new, from, to) => {
    expect(() => refuseOtherKey(from, to, 'p.public.t')).toThrow(
      /column id of the primary key of public\.t is .* now and was .*: its topic holds rows under the old key/,
    );
  });
});
