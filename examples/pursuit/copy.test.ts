import { expect, test } from 'vitest';
import { textChunks } from './copy.ts';

test('values are written in the text format of COPY', () => {
  const rows = [{ a: 1, b: true, c: null, d: 'back\\slash\ttab\nline\rreturn', e: '12.50' }];
  const text = [...textChunks(['a', 'b', 'c', 'd', 'e'], rows)].join('');
  expect(text).toBe('1\ttrue\t\\N\tback\\\\slash\\ttab\\nline\\rreturn\t12.50\n');
});

test('columns come in the order that was asked for', () => {
  expect([...textChunks(['b', 'a'], [{ a: 1, b: 2 }])]).toEqual(['2\t1\n']);
});

test('a row without one of the columns is refused', () => {
  expect(() => [...textChunks(['a', 'b'], [{ a: 1 }])]).toThrow('lacks one of the columns');
});

test('many rows become several chunks of bounded size, and no row is cut', () => {
  const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, text: 'x'.repeat(20) }));
  const chunks = [...textChunks(['id', 'text'], rows)];
  expect(chunks.length).toBeGreaterThan(5);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(70_000);
  expect(chunks.every((chunk) => chunk.endsWith('\n'))).toBe(true);
  expect(chunks.join('').split('\n')).toHaveLength(20_001);
});

test('no rows give no chunk', () => {
  expect([...textChunks(['a'], [])]).toEqual([]);
});
