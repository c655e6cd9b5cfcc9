import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import { Progress } from './progress.ts';

const START_MS = Date.UTC(2026, 0, 1);

beforeEach(() => vi.useFakeTimers({ now: START_MS, toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

const at = (second: number) => vi.setSystemTime(START_MS + second * 1000);
/** Changes by the second of their commit. */
const committed = (...seconds: number[]) =>
  seconds.map(
    (second) =>
      ({
        position: makePosition(BigInt(second) + 1n, 1),
        source: { tsUs: (START_MS + second * 1000) * 1000 },
      }) as ChangeEvent,
  );
const behind = (records: bigint) => [{ topic: 't', partition: 0, records }];

test('a store that was never looked at is behind from the start on', () => {
  const progress = new Progress();
  at(40);
  expect(progress.lagSeconds).toBe(40);
  progress.observe(behind(0n));
  expect(progress.lagSeconds).toBe(0);
});

test('a sink that keeps up under a steady stream is never far behind, though no look finds it at the end', () => {
  const progress = new Progress();
  for (let second = 1; second <= 3600; second++) {
    at(second);
    const token = progress.begin(committed(second - 1));
    expect(progress.lagSeconds).toBe(1);
    progress.end(token, committed(second - 1));
    progress.observe(behind(5n));
    expect(progress.lagSeconds).toBeLessThan(2);
  }
});

test('a backlog is as old as its changes, between two requests too', () => {
  const progress = new Progress();
  at(7200);
  progress.observe(behind(1000n));
  const token = progress.begin(committed(100, 60));
  expect(progress.lagSeconds).toBe(7140);
  progress.end(token, committed(100, 60));
  expect(progress.lagSeconds).toBe(7140);
  progress.observe(behind(0n));
  expect(progress.lagSeconds).toBe(0);
});

test('a change after a quiet hour is not an hour old', () => {
  const progress = new Progress();
  progress.end(progress.begin(committed(0)), committed(0));
  progress.observe(behind(0n));
  at(3600);
  progress.observe(behind(1n));
  expect(progress.lagSeconds).toBe(0);
});

test('while nobody looks the lag grows', () => {
  const progress = new Progress();
  progress.observe(behind(0n));
  at(10);
  progress.loseSight();
  at(70);
  progress.loseSight();
  expect(progress.lagSeconds).toBe(60);
});

test('a request that failed is not applied', () => {
  const progress = new Progress();
  progress.observe(behind(1n));
  const token = progress.begin(committed(-20));
  expect(progress.lagSeconds).toBe(20);
  progress.abandon(token);
  expect({ applied: progress.applied, lsn: progress.appliedLsn }).toEqual({ applied: 0, lsn: 0n });
});
