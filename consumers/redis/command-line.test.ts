import { expect, test } from 'vitest';
import { wordsOf } from './command-line.ts';

const texts = (line: string) => wordsOf(line)?.map(String);

test('words are parted by spaces, and quotes keep them together', () => {
  expect(texts('  HGET  "contacts:a b"\tname ')).toEqual(['HGET', 'contacts:a b', 'name']);
  expect(texts(`SET a 'it''s'`)).toEqual(['SET', 'a', 'its']);
  expect(texts('SET a ""')).toEqual(['SET', 'a', '']);
  expect(texts('')).toEqual([]);
});

test('escapes mean something in double quotes alone', () => {
  expect(texts('"a\\n\\t\\"\\\\\\q"')).toEqual(['a\n\t"\\q']);
  expect(texts("'a\\n\\''")).toEqual(["a\\n'"]);
  expect(texts('a\\n')).toEqual(['a\\n']);
  expect(wordsOf('"\\xff\\x00é"')).toEqual([Buffer.from([0xff, 0, 0xc3, 0xa9])]);
});

test('an open quote is no command', () => {
  expect(wordsOf('GET "a')).toBeNull();
  expect(wordsOf("GET 'a\\'")).toBeNull();
});
