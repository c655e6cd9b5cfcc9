import { expect, test } from 'vitest';
import { identify } from '../infra/process-tree.ts';
import { cpuSeconds, cpuTicksOf, peakBytesOf, peakMemoryBytes } from './process-cost.ts';

test('CPU ticks are found behind any process name', () => {
  const stat = '7 (a) R (b) S 1 7 7 0 -1 4194560 100 200 0 0 150 50 30 5 20 0 11 0 12345 1000 100';
  expect(cpuTicksOf(stat)).toEqual({ own: 200, endedChildren: 35 });
});

test('the peak of the memory is read in bytes', () => {
  expect(peakBytesOf('VmPeak:\t  900 kB\nVmHWM:\t     250 kB\nVmRSS:\t 100 kB\n')).toBe(256_000);
});

test('the CPU time of this process grows as it works, threads included', () => {
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process is not found');
  const before = cpuSeconds(self);
  const usedBefore = process.cpuUsage().user;
  while (process.cpuUsage().user - usedBefore < 300_000) JSON.stringify(process.versions);
  expect(cpuSeconds(self) - before).toBeGreaterThanOrEqual(0.25);
  expect(peakMemoryBytes(self)).toBeGreaterThan(10 * 2 ** 20);
});

test('the memory of an ended process is an error, not zero', () => {
  expect(() => peakMemoryBytes({ pid: process.pid, born: 'never' })).toThrow('has ended');
});
