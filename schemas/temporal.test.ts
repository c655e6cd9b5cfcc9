import { describe, expect, test } from 'vitest';
import { epochMicros } from './temporal.ts';

describe('epochMicros', () => {
  test.each([
    ['1970-01-01', 0n],
    ['1969-12-31', -86_400_000_000n],
    ['2024-02-29T12:00:00.123456Z', 1_709_208_000_123_456n],
    ['2024-02-29T12:00:00.5', 1_709_208_000_500_000n],
    ['0001-01-01', -62_135_596_800_000_000n],
    ['0001-12-31 BC', -62_135_683_200_000_000n],
    ['294276-12-31T23:59:59.999999', 9_224_318_015_999_999_999n],
    ['infinity', null],
    ['-infinity', null],
  ])('%s is %s', (text, micros) => {
    expect(epochMicros(text)).toBe(micros);
  });

  test('agrees with Date on every day of four centuries', () => {
    for (let ms = Date.UTC(1800, 0, 1); ms < Date.UTC(2200, 0, 1); ms += 86_400_000) {
      expect(epochMicros(new Date(ms).toISOString().slice(0, 10))).toBe(BigInt(ms) * 1000n);
    }
  });

  test('any other text is refused', () => {
    expect(() => epochMicros('yesterday')).toThrow(RangeError);
    expect(() => epochMicros('2024-01-01 12:00:00')).toThrow(RangeError);
  });
});
