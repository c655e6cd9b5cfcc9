import { expect, test } from 'vitest';
import { SnapshotRate } from './snapshot-rate.ts';

test('the rate is that of the last 15 s', () => {
  let now = 0;
  const rate = new SnapshotRate(() => now);
  expect(rate.rowsPerSecond).toBeNull();
  for (let second = 1; second <= 60; second++) {
    now += 1_000;
    rate.add(second <= 30 ? 100 : 200);
  }
  expect(rate.rowsPerSecond).toBe(200);
});

test('the rate falls while nothing comes', () => {
  let now = 0;
  const rate = new SnapshotRate(() => now);
  now = 1_000;
  rate.add(100);
  expect(rate.rowsPerSecond).toBe(100);
  now = 4_000;
  expect(rate.rowsPerSecond).toBe(25);
});
