import { expect, test } from 'vitest';
import { canonicalJson, parseJson } from './exact-json.ts';

test('the order of keys, white space and the way a number is written make no difference', () => {
  expect(canonicalJson('{"b": [1.50, 1e2], "a": null}')).toBe('{"a":null,"b":[1.5,100]}');
});

test('numbers beyond what JavaScript holds keep their digits', () => {
  expect(canonicalJson('[9007199254740993, 0.10000000000000000555, 1e400]')).toBe(
    `[9007199254740993,0.10000000000000000555,1${'0'.repeat(400)}]`,
  );
  expect(canonicalJson('9007199254740993')).not.toBe(canonicalJson('9007199254740992'));
});

test('the order of a list, an empty list and a missing member make a difference', () => {
  expect(canonicalJson('[1,2]')).not.toBe(canonicalJson('[2,1]'));
  expect(canonicalJson('{"a":[]}')).not.toBe(canonicalJson('{"a":{}}'));
  expect(canonicalJson('{"a":null}')).not.toBe(canonicalJson('{}'));
  expect(canonicalJson('"1"')).not.toBe(canonicalJson('1'));
});

test('hostile keys stay members', () => {
  expect(canonicalJson('{"__proto__": {"x": 1}, "": 2, "10": 3, "9": 4}')).toBe(
    '{"":2,"10":3,"9":4,"__proto__":{"x":1}}',
  );
});

test('a parsed document is printed again with the same digits', () => {
  const text = '{"id":9223372036854775807,"list":[1.10,-5,"x"]}';
  expect(JSON.stringify(parseJson(text))).toBe(text);
});
