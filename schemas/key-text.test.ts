import { expect, test } from 'vitest';
import { keyText } from './key-text.ts';

test('a single value stands as it is, separators included', () => {
  expect(keyText(['id'], { id: 'a:b\\c' })).toBe('a:b\\c');
  expect(keyText(['id'], { id: 9007199254740993n })).toBe('9007199254740993');
});

test('two composite keys never share a text', () => {
  const left = keyText(['a', 'b'], { a: 'x:', b: 'y' });
  const right = keyText(['a', 'b'], { a: 'x', b: ':y' });
  expect(left).toBe('x\\::y');
  expect(right).toBe('x:\\:y');
});

test('a null in a key is refused', () => {
  expect(() => keyText(['id'], { id: null })).toThrow(RangeError);
});
