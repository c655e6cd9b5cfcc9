import { describe, expect, test } from 'vitest';
import { comesByStream, placeKey } from './chunk-query.ts';
import { parseTransactionSnapshot } from './snapshot-window.ts';

test('the key of a place is 16 zeros, the block and the item', () => {
  expect(placeKey('(0,1)')).toBe('00000000000000000000000000000001');
  expect(placeKey('(4294967294,291)')).toBe('0000000000000000fffffffe00000123');
});

describe('a row without a key', () => {
  const then = parseTransactionSnapshot('100:110:100,105');
  const now = parseTransactionSnapshot('130:130:');

  test.each([
    ['is read when its transaction had ended', 109, false],
    ['is read when it is frozen', 2, false],
    ['is read when its id lies before a wrap', 4_000_000_000, false],
    ['is read when its id is more than 2^31 behind', 1_000_000_000, false],
    ['comes by the stream when its transaction was running', 105, true],
    ['comes by the stream when its transaction began later', 110, true],
    ['comes by the stream when its transaction is the newest', 129, true],
  ])('%s', (_, xmin, expected) => {
    expect(comesByStream(xmin, then, now)).toBe(expected);
  });

  test('comes by the stream also when the ids have wrapped meanwhile', () => {
    const before = parseTransactionSnapshot('4294967290:4294967290:');
    const after = parseTransactionSnapshot('4294967310:4294967310:');
    expect(comesByStream(4_294_967_289, before, after)).toBe(false);
    expect(comesByStream(4_294_967_290, before, after)).toBe(true);
    expect(comesByStream(13, before, after)).toBe(true);
    expect(comesByStream(15, before, after)).toBe(false);
  });
});
