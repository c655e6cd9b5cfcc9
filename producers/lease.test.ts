import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLease } from './lease.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a process that runs keeps its lease, also while nothing is sent', () => {
  const lease = openLease();
  vi.advanceTimersByTime(60_000);
  expect(() => lease.check()).not.toThrow();
  lease.end();
});

test('one that slept has lost it for good, whether the timer or a sender notices first', () => {
  for (const wakesWith of ['check', 'timer']) {
    const lease = openLease();
    vi.setSystemTime(Date.now() + 5_000);
    if (wakesWith === 'timer') vi.advanceTimersByTime(250);
    expect(() => lease.check()).toThrow(/stood still for 5\.\d s/);
    vi.advanceTimersByTime(60_000);
    expect(() => lease.check()).toThrow(expect.objectContaining({ code: 'PRODUCER_FENCED' }) as Error);
    lease.end();
  }
});

test('a short pause changes nothing, nor does a clock that is set back', () => {
  const lease = openLease();
  vi.setSystemTime(Date.now() + 2_000);
  expect(() => lease.check()).not.toThrow();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(1_000);
  expect(() => lease.check()).not.toThrow();
  lease.end();
});

test('an ended lease leaves no timer behind', () => {
  const lease = openLease();
  lease.end();
  expect(vi.getTimerCount()).toBe(0);
});
