import { expect, test } from 'vitest';
import { createSlotForecast } from './slot-forecast.ts';

test('the time left is the safe WAL over the rate of WAL', () => {
  const forecast = createSlotForecast();
  forecast.observe(0, 0n);
  forecast.observe(10_000, 1_000n);
  expect(forecast.secondsToLoss(5_000)).toBe(50);
});

test('there is no time without a limit, before the second look, and while no WAL is written', () => {
  const forecast = createSlotForecast();
  expect(forecast.secondsToLoss(5_000)).toBeNull();
  forecast.observe(0, 100n);
  expect(forecast.secondsToLoss(5_000)).toBeNull();
  forecast.observe(10_000, 100n);
  expect(forecast.secondsToLoss(5_000)).toBeNull();
  forecast.observe(20_000, 200n);
  expect(forecast.secondsToLoss(null)).toBeNull();
});

test('two looks at once make no rate', () => {
  const forecast = createSlotForecast();
  forecast.observe(0, 0n);
  forecast.observe(1, 1_000n);
  expect(forecast.secondsToLoss(5_000)).toBeNull();
});

test('only the last 5 minutes count', () => {
  const forecast = createSlotForecast();
  for (let minute = 0; minute <= 20; minute += 1) {
    const bytes = minute <= 10 ? 0 : (minute - 10) * 60_000;
    forecast.observe(minute * 60_000, BigInt(bytes));
  }
  expect(forecast.secondsToLoss(10_000)).toBe(10);
});

test('a slot that has used up its limit has no time left, not less than none', () => {
  const forecast = createSlotForecast();
  forecast.observe(0, 0n);
  forecast.observe(10_000, 1_000n);
  expect(forecast.secondsToLoss(-5_000)).toBe(0);
});

test('a server that was restored begins anew', () => {
  const forecast = createSlotForecast();
  forecast.observe(0, 1_000_000n);
  forecast.observe(10_000, 500n);
  expect(forecast.secondsToLoss(5_000)).toBeNull();
  forecast.observe(20_000, 1_500n);
  expect(forecast.secondsToLoss(5_000)).toBe(50);
});
