import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { figure, goalText, writeResults, type Goal } from './figures.ts';

test('a figure carries its share of the bound', () => {
  expect(figure('a.rate', 60, 'events/s', { bound: 80 })).toEqual({
    name: 'a.rate',
    value: 60,
    unit: 'events/s',
    bound: 80,
    ratio: 0.75,
    goal: null,
    isMet: null,
  });
});

test.each<[number, number | null, Goal, boolean]>([
  [70, null, { atLeast: 70 }, true],
  [69, null, { atLeast: 70 }, false],
  [15, null, { atMost: 15 }, true],
  [15.1, null, { atMost: 15 }, false],
  [85, 100, { atLeastShare: 0.85 }, true],
  [84, 100, { atLeastShare: 0.85 }, false],
  [84, null, { atLeastShare: 0.85 }, false],
])('%d with bound %s and goal %o is met: %s', (value, bound, goal, isMet) => {
  expect(figure('x', value, 's', { bound, goal }).isMet).toBe(isMet);
});

test('what was not measured is never passed on as a figure', () => {
  expect(() => figure('x', 0 / 0, 's')).toThrow('x is NaN');
  expect(() => figure('x', 1 / 0, 's')).toThrow('x is Infinity');
});

test('a goal reads as a comparison', () => {
  expect(goalText({ atLeast: 70_000 })).toBe('>= 70,000');
  expect(goalText({ atMost: 15 })).toBe('<= 15');
  expect(goalText({ atLeastShare: 0.85 })).toBe('>= 85 %');
});

test('the file has name, value, unit, bound and ratio of every figure', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  try {
    const file = join(folder, 'results', 'capture.json');
    const machine = { cores: 2, cpu: 'x', memoryMb: 1, loadAverage: 0.1, node: 'v24', platform: 'linux x64' };
    const figures = [figure('a.rate', 1, 'events/s', { bound: 2 })];
    const takenAt = '2026-01-01T00:00:00.000Z';
    writeResults(file, { bench: 'capture', takenAt, options: {}, machine, figures });
    const written = JSON.parse(readFileSync(file, 'utf8')) as { bench: string; figures: unknown[] };
    expect(written.bench).toBe('capture');
    expect(written.figures).toEqual([
      expect.objectContaining({ name: 'a.rate', value: 1, unit: 'events/s', bound: 2, ratio: 0.5 }),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
