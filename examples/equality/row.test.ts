import { describe, expect, test } from 'vitest';
import { digestOf, emptyRow, joinKeyTexts, makeRow } from './row.ts';
import { layoutName } from './table.ts';
import type { Column, Family, Table } from './table.ts';

function column(name: string, family: Family): Column {
  return { name, family, sqlType: family, precision: 6 };
}

const [a, b, note] = [column('a', 'text'), column('b', 'integer'), column('note', 'text')];
const pairs: Table = { schema: 'public', name: 'pairs', columns: [a, b, note], key: [a, b], foreignKeys: [] };
const things: Table = { schema: 'public', name: 'things', columns: [a, note], key: [a], foreignKeys: [] };

describe('a key as text', () => {
  test('the escaped text of a composite key names the same row as its values', () => {
    const values = { a: 'x:\\y', b: 7 };
    const { key } = makeRow(pairs, values);
    expect(joinKeyTexts(key.texts)).toBe('x\\:\\\\y:7');
    expect(makeRow(pairs, values, 'x\\:\\\\y:7').key).toEqual(key);
  });

  test('a single key stands as it is, separators included', () => {
    const { key } = makeRow(things, { a: 'x:\\y' });
    expect(joinKeyTexts(key.texts)).toBe('x:\\y');
    expect(makeRow(things, {}, 'x:\\y').key).toEqual(key);
  });

  test.each(['x', 'x:1:2', '\\x:1', 'x:1\\'])('%s is no key of a table with two key columns', (text) => {
    const { key } = makeRow(pairs, {}, text);
    expect(JSON.parse(key.id)).toEqual([text]);
  });

  test('the text decides which row it is, not the columns', () => {
    const row = makeRow(things, { a: 'other' }, 'this');
    expect(row.key.id).toBe('["this"]');
    expect(row.columns).toEqual(['other', null]);
  });
});

describe('a row', () => {
  test('a column that is absent is null, an internal field is nothing, any other is a fault', () => {
    const row = makeRow(things, { a: 'x', __pos: '0', left_over: '1' });
    expect(row.columns).toEqual(['x', null]);
    expect(row.faults).toEqual(['unknown column left_over']);
  });

  test('names that every object has are columns like others, and null when they are absent', () => {
    const names = ['constructor', '__proto__', 'toString'];
    const odd: Table = { ...things, columns: [a, ...names.map((name) => column(name, 'text'))] };
    expect(makeRow(odd, { a: 'x' })).toMatchObject({ columns: ['x', null, null, null], faults: [] });
    const values = emptyRow();
    for (const name of ['a', ...names]) values[name] = name;
    expect(makeRow(odd, values)).toMatchObject({ columns: ['a', ...names], faults: [] });
  });

  test('null, the empty string and values that move between columns change the digest', () => {
    const digests = [
      ['a', null],
      ['a', ''],
      ['', 'a'],
      [null, 'a'],
      ['a:', 'n'],
      ['a', 'n'],
      ['an', ''],
    ].map(digestOf);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

test('only tables outside of public carry their schema in the name', () => {
  expect(layoutName({ schema: 'public', name: 'places' })).toBe('places');
  expect(layoutName({ schema: 'sales', name: 'orders' })).toBe('sales_orders');
});
