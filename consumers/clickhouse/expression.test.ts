import { expect, test } from 'vitest';
import { columnIn, namesIn, partsOf } from './expression.ts';

test.each<[string, readonly string[]]>([
  ['toYYYYMM(at)', ['at']],
  ['at + INTERVAL 90 DAY', ['at']],
  ['at + interval 90 day + toIntervalDay(5)', ['at']],
  ["if(kind = 'it''s, `id`', `a b`, \"c\")", ['kind', 'a b', 'c']],
  ['intHash64 (id) % 16', ['id']],
  ['at DELETE WHERE x', ['at', 'DELETE', 'WHERE', 'x']],
  ['1e5 + 0xff', []],
])('the names in %s are %j', (expression, names) => {
  expect(namesIn(expression)).toEqual(names);
});

test.each<[string, readonly string[]]>([
  ['toDate(at), id', ['toDate(at)', 'id']],
  ['(id)', ['id']],
  ["(a, `b,c`, f(x, ','))", ['a', '`b,c`', "f(x, ',')"]],
  ['(a) + (b)', ['(a) + (b)']],
])('the parts of %s are %j', (list, parts) => {
  expect(partsOf(list)).toEqual(parts);
});

test('a column is told from a function of it', () => {
  expect(['id', '`a b`', 'toDate(id)', 'id + 1'].map(columnIn)).toEqual(['id', 'a b', null, null]);
});
