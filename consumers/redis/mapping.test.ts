import { expect, test } from 'vitest';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target } from '../sink.ts';
import { assertStorable, rowFields, rowKey, rowPattern, tombstoneKey } from './mapping.ts';

const target: Target = {
  ...makeTarget('row', ['id'], {
    id: { kind: 'int8' },
    flag: { kind: 'boolean' },
    bytes: { kind: 'bytea' },
    note: { kind: 'text' },
  }),
  name: 'people',
};

function upsertOf(row: Parameters<typeof upsert>[1]): Parameters<typeof rowFields>[0] {
  const write = upsert(target, row, 1);
  if (write.op !== 'upsert') throw new Error('an upsert was asked for');
  return write;
}

test('a row is a hash of its columns as texts', () => {
  const row = { id: 9007199254740993n, flag: true, bytes: Uint8Array.from([0, 255]), note: 'x' };
  expect(rowFields(upsertOf(row)).join(' ')).toBe('id 9007199254740993 flag true bytes AP8= note x');
});

test('null has no field, the empty string has one', () => {
  expect(rowFields(upsertOf({ id: 1n, flag: null, note: '' }))).toEqual(['id', '1', 'note', '']);
});

test('a tombstone lies outside the keys of its table', () => {
  const gone = remove(target, { id: 7n }, 1);
  expect(rowKey(target, gone)).toBe('people:7');
  expect(tombstoneKey(target, gone)).toBe('__tombstone:people:7');
});

test('two tables never share a key', () => {
  const colon = { ...target, name: 'a:b' };
  const plain = { ...target, name: 'a' };
  expect(rowKey(colon, { key: { id: 'c' } })).toBe('a\\:b:c');
  expect(rowKey(plain, { key: { id: 'b:c' } })).toBe('a:b:c');
});

test('a column or a table with an internal name is refused', () => {
  const column = makeTarget('odd', ['id'], { id: { kind: 'int4' }, __pos: { kind: 'text' } });
  expect(() => assertStorable(column)).toThrow(/Column __pos/);
  expect(() => assertStorable({ ...target, name: '__tombstone' })).toThrow(/two underscores/);
  expect(() => assertStorable(target)).not.toThrow();
});

test("the pattern of a table's rows takes no letter of its name for a wildcard", () => {
  expect(rowPattern(target)).toBe('people:*');
  expect(rowPattern({ ...target, name: 'a*[b]?^' })).toBe('a\\*\\[b\\]\\?\\^:*');
  expect(rowPattern({ ...target, name: 'a:b' })).toBe('a\\\\:b:*');
});
