import { expect, test } from 'vitest';
import { loadOf } from './fill.ts';

test('half of the events of a load of updates are rows, and each is updated once', () => {
  expect(loadOf('updates', 1_000_000, 1)).toEqual({
    measure: 'updates',
    table: 'updates_1000000',
    rows: 500_000,
    events: 1_000_000,
  });
});

test('stores with the same number of events share a topic', () => {
  expect(loadOf('inserts', 1_000_000, 0.5)).toEqual(loadOf('inserts', 500_000, 1));
  expect(loadOf('inserts', 1_000_000, 1).table).not.toBe(loadOf('inserts', 500_000, 1).table);
});

test('the smallest share still has a row to update', () => {
  expect(loadOf('updates', 1_000, 0.0001)).toMatchObject({ rows: 1, events: 2 });
});
