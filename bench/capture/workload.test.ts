import { expect, test } from 'vitest';
import { RATE_SCENARIOS } from './workload.ts';

const sizesAt = (scale: number) =>
  Object.fromEntries(
    RATE_SCENARIOS.map((scenario) => {
      const { events, records } = scenario.workload(scale);
      return [scenario.key, [events, records]];
    }),
  );

test('a full run has the sizes of the goals, and a second record for each delete', () => {
  expect(sizesAt(1)).toEqual({
    a: [1_000_000, 1_000_000],
    b: [200_000, 200_000],
    c: [500_000, 550_000],
    d: [1_000_000, 1_000_000],
    e: [1_000_000, 1_000_000],
    g: [5_000_000, 5_000_000],
  });
});

test('a trial keeps the size of a transaction', () => {
  expect(sizesAt(0.02)).toEqual({
    a: [20_000, 20_000],
    b: [4_000, 4_000],
    c: [10_000, 11_000],
    d: [20_000, 20_000],
    e: [20_000, 20_000],
    g: [100_000, 100_000],
  });
  expect(sizesAt(0.000_000_1)['a']).toEqual([1_000, 1_000]);
});
