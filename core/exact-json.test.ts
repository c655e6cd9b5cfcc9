import { expect, test } from 'vitest';
import { cellJson, cellText, documentCell, listCell } from './cell.ts';
import { cellOfJson, parseExactly } from './exact-json.ts';

const cellOf = (json: string) => cellOfJson(parseExactly(json));

test('a number keeps all its digits, alone and inside of a document', () => {
  expect(cellOf('9223372036854775807')).toBe(9223372036854775807n);
  expect(cellOf('7')).toBe(7);
  expect(cellOf('0.10')).toEqual({ json: '0.10' });
  expect(cellOf('-0')).toEqual({ json: '-0' });
  expect(cellOf('{"a":[12345678901234567890.10,1e400]}')).toEqual({
    json: '{"a":[12345678901234567890.10,1e400]}',
  });
});

test('null, texts and booleans stay what they are', () => {
  expect(['null', '""', '"null"', 'true'].map(cellOf)).toEqual([null, '', 'null', true]);
});

test('in JSON an integer that a double cannot hold is a string, and so is NaN', () => {
  expect([2n ** 63n, 2 ** 53 - 1, NaN, -0, '1.10', null].map(cellJson)).toEqual([
    '"9223372036854775808"',
    '9007199254740991',
    '"NaN"',
    '-0',
    '"1.10"',
    'null',
  ]);
});

test('documents and lists are made of cells', () => {
  const list = listCell([1, 'a"b', null, { json: '[2]' }]);
  expect(cellText(list)).toBe('[1,"a\\"b",null,[2]]');
  expect(cellJson(documentCell([['a "key"', list]]))).toBe('{"a \\"key\\"":[1,"a\\"b",null,[2]]}');
});
