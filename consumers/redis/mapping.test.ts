import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import type { Target } from '../sink.ts';
import { keyNames, memberOf, rowPattern, rowValues } from './mapping.ts';

const target: Target = {
  ...makeTarget('row', ['id'], {
    id: { kind: 'int8' },
    flag: { kind: 'boolean' },
    bytes: { kind: 'bytea' },
    note: { kind: 'text' },
  }),
  name: 'people',
};

const columns = ['id', 'flag', 'bytes', 'note'];

test('values are texts', () => {
  const row = { id: 9007199254740993n, flag: true, bytes: Uint8Array.from([0, 255]), note: 'x' };
  expect(rowValues(columns, row)).toEqual({ values: ['9007199254740993', 'true', 'AP8=', 'x'], nulls: '' });
});

test('minus zero stays, and both zeros are one key', () => {
  expect(rowValues(['d'], { d: -0 })).toEqual({ values: ['-0'], nulls: '' });
  const floats = makeTarget('floats', ['d'], { d: { kind: 'float8' } });
  expect(memberOf(floats, { d: -0 })).toBe(memberOf(floats, { d: 0 }));
});

test('a null is told from the empty string', () => {
  expect(rowValues(columns, { id: 1n, flag: null, note: '' })).toEqual({
    values: ['1', '', '', ''],
    nulls: '0110',
  });
});

test('a tombstone lies outside the keys of its table', () => {
  const { row, tombstone, truncated } = keyNames(target, false);
  expect(row + memberOf(target, { id: 7n })).toBe('people:7');
  expect([tombstone, truncated]).toEqual(['__tombstone:', '__truncated:people']);
});

test('two tables never share a key', () => {
  expect(keyNames({ ...target, name: 'a:b' }, false).row + memberOf(target, { id: 'c' })).toBe('a\\:b:c');
  expect(keyNames({ ...target, name: 'a' }, false).row + memberOf(target, { id: 'b:c' })).toBe('a:b:c');
});

test('with hash tags all keys of a table have one tag', () => {
  const { row, tombstone, truncated, layout } = keyNames(target, true);
  expect([row, tombstone + row, truncated, layout]).toEqual([
    '{people}:',
    '__tombstone:{people}:',
    '__truncated:{people}',
    '__layout:{people}',
  ]);
  expect(() => keyNames({ ...target, name: 'a}b' }, true)).toThrow(/brace/);
  expect(() => keyNames({ ...target, name: 'a}b' }, false)).not.toThrow();
});

test('nulls are told apart from empty texts', () => {
  expect(rowValues(['a', 'b', 'c'], { a: '', b: null })).toEqual({ values: ['', '', ''], nulls: '011' });
  expect(rowValues(['a', 'b'], { a: '', b: 1 })).toEqual({ values: ['', '1'], nulls: '' });
});

test('a column or a table with an internal name is refused', () => {
  const column = makeTarget('odd', ['id'], { id: { kind: 'int4' }, __pos: { kind: 'text' } });
  expect(() => keyNames(column, false)).toThrow(/Column __pos/);
  expect(() => keyNames({ ...target, name: '__tombstone' }, false)).toThrow(/two underscores/);
});

test("the pattern of a table's rows takes no letter of its name for a wildcard", () => {
  const pattern = (name: string): string => rowPattern(keyNames({ ...target, name }, false));
  expect(pattern('people')).toBe('people:*');
  expect(pattern('a*[b]?^')).toBe('a\\*\\[b\\]\\?\\^:*');
  expect(pattern('a:b')).toBe('a\\\\:b:*');
});
