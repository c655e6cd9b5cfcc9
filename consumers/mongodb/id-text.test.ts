import { Binary, Decimal128, Double, Int32, Long } from 'mongodb';
import { expect, test } from 'vitest';
import { idText } from './id-text.ts';

test('numbers that MongoDB takes for one key have one text, whatever their type', () => {
  const ones = [new Int32(1), Long.fromNumber(1), new Double(1), Decimal128.fromString('1.00')];
  expect(new Set(ones.map(idText)).size).toBe(1);
  const keys = ones.map((a) => ({ a, b: 'x' }));
  expect(new Set(keys.map(idText)).size).toBe(1);
  expect(idText(Decimal128.fromString('1E+2'))).toBe(idText(new Int32(100)));
});

test.each(['NaN', 'Infinity', '-Infinity', '0'])('%s is one key as numeric and as float8', (text) => {
  expect(idText(Decimal128.fromString(text))).toBe(idText(new Double(Number(text))));
});

test('keys that differ have different texts', () => {
  const ids = [
    1,
    '1',
    true,
    'true',
    new Date(1),
    new Binary(Uint8Array.from([1])),
    { a: 1 },
    { a: '1' },
    { a: 1, b: 2 },
    { b: 2, a: 1 },
    '{"a":1e0}',
    Long.fromString('9007199254740993'),
    Long.fromString('9007199254740992'),
    0,
    new Double(Number.NaN),
    new Double(Infinity),
    new Double(-Infinity),
  ].map((id) => (typeof id === 'number' ? new Int32(id) : id));
  expect(new Set(ids.map((id) => idText(id))).size).toBe(ids.length);
});
